"""Flutterwave as a provider of payouts to banks and mobile money: transfers of its version 3, and its webhook."""

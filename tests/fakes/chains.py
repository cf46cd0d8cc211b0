"""Small chains behind fake providers, in the documented wire formats."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.aptos import long_form, primary_store
from domain.base58 import encode_base58
from domain.tron import parse_tron_address
from tests.fakes.provider import FakeProvider, json_rpc

SOLANA_GENESIS = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
TRON_GENESIS = "00000000000000001ebf88508a03865c71d452e25f4d51194196a1d22b6653dc"
TRANSFER_TOPIC = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
SOLANA_TOKENS = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"


def solana_key(seed: int) -> str:
    """An address."""
    return encode_base58(bytes([seed]) * 32)


def solana_signature(seed: int) -> str:
    """A transaction's id."""
    return encode_base58(seed.to_bytes(2, "little") * 32)


@dataclass
class Solana:
    """Transactions by signature, as getTransaction returns them with jsonParsed."""

    transactions: dict[str, dict[str, Any]] = field(default_factory=dict)
    finality: str = "finalized"

    def pay(
        self,
        seed: int,
        *,
        owner: str,
        mint: str,
        amount: int,
        at: datetime,
        arrived: int | None = None,
        fails: bool = False,
        payer: str = "",
    ) -> str:
        """A transferChecked between token accounts; `arrived` is less if a fee is withheld."""
        signature, account, source = solana_signature(seed), solana_key(200), solana_key(202)
        sender = payer or solana_key(201)
        after = 1_000 + (amount if arrived is None else arrived)
        self.transactions[signature] = {
            "slot": 300_000_000 + seed,
            "blockTime": int(at.timestamp()),
            "version": 0,
            "meta": {
                "err": {"InstructionError": [0, {"Custom": 1}]} if fails else None,
                "fee": 5000,
                "innerInstructions": [],
                "preTokenBalances": [
                    self._balance(1, mint, owner, 1_000),
                    self._balance(2, mint, sender, 2 * amount),
                ],
                "postTokenBalances": [self._balance(1, mint, owner, after), self._balance(2, mint, sender, amount)],
            },
            "transaction": {
                "signatures": [signature],
                "message": {
                    "accountKeys": [
                        {"pubkey": key, "signer": key == sender, "writable": True, "source": "transaction"}
                        for key in (sender, account, source)
                    ],
                    "instructions": [
                        {
                            "program": "spl-token",
                            "programId": SOLANA_TOKENS,
                            "parsed": {
                                "type": "transferChecked",
                                "info": {
                                    "source": source,
                                    "destination": account,
                                    "mint": mint,
                                    "authority": sender,
                                    "tokenAmount": {"amount": str(amount), "decimals": 6, "uiAmount": amount / 1e6},
                                },
                            },
                        }
                    ],
                },
            },
        }
        return signature

    def serve(self) -> FakeProvider:
        """A node that knows them."""
        return FakeProvider(
            json_rpc(
                {
                    "getGenesisHash": lambda: SOLANA_GENESIS,
                    "getSignatureStatuses": lambda ids, _: {"value": [self._status(one) for one in ids]},
                    "getTransaction": lambda signature, _: self.transactions.get(signature),
                }
            )
        )

    def _status(self, signature: str) -> dict[str, Any] | None:
        found = self.transactions.get(signature)
        if found is None:
            return None
        return {"slot": found["slot"], "err": found["meta"]["err"], "confirmationStatus": self.finality}

    @staticmethod
    def _balance(index: int, mint: str, owner: str, amount: int) -> dict[str, Any]:
        return {
            "accountIndex": index,
            "mint": mint,
            "owner": owner,
            "programId": SOLANA_TOKENS,
            "uiTokenAmount": {"amount": str(amount), "decimals": 6, "uiAmount": amount / 1e6},
        }


@dataclass
class Tron:
    """Transactions by id, as a full node's HTTP interface returns them; only solidified ones on its second side."""

    transactions: dict[str, tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=dict)
    is_solid: bool = True
    genesis: str = TRON_GENESIS

    def pay(self, seed: int, *, to: str, contract: str, amount: int, at: datetime, fails: bool = False) -> str:
        """A TRC-20 transfer; without a contract, of the native coin."""
        tx_id = f"{seed:02x}" * 32
        account = parse_tron_address(to).script
        log = {
            "address": parse_tron_address(contract).script[1:].hex() if contract else "",
            "topics": [TRANSFER_TOPIC, "00" * 11 + "41" + "11" * 20, "00" * 12 + account[1:].hex()],
            "data": f"{amount:064x}",
        }
        owner = {"owner_address": "41" + "11" * 20}
        coin = {
            "type": "TransferContract" if not contract else "TriggerSmartContract",
            "parameter": {
                "value": owner | {"to_address": account.hex(), "amount": amount}
                if not contract
                else owner | {"contract_address": parse_tron_address(contract).script.hex(), "data": "a9059cbb"}
            },
        }
        info: dict[str, Any] = {
            "id": tx_id,
            "blockNumber": 70_000_000 + seed,
            "blockTimeStamp": int(at.timestamp() * 1000),
            "receipt": {
                "energy_usage_total": 64_285,
                **({"result": "REVERT" if fails else "SUCCESS"} if contract else {}),
            },
            **({"log": [log]} if contract and not fails else {}),
            **({"result": "FAILED"} if fails else {}),
        }
        whole = {
            "txID": tx_id,
            "ret": [{"contractRet": "REVERT" if fails else "SUCCESS"}],
            "raw_data": {"contract": [coin]},
        }
        self.transactions[tx_id] = (info, whole)
        return tx_id

    def serve(self) -> FakeProvider:
        """A node that knows them."""
        return FakeProvider(self._handle)

    def _handle(self, path: str, body: Any) -> tuple[int, Any]:
        side, _, method = path.removeprefix("/").partition("/")
        if method == "getblockbynum":
            return 200, {"blockID": self.genesis, "block_header": {"raw_data": {}}, "transactions": []}
        found = self.transactions.get(body["value"])
        if found is None or (side == "walletsolidity" and not self.is_solid):
            return 200, {}
        return 200, found[0] if method == "gettransactioninfobyid" else found[1]


@dataclass
class Aptos:
    """Transactions by hash, as the REST interface of a full node returns them."""

    transactions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def pay_asset(
        self, seed: int, *, owner: str, metadata: str, amount: int, at: datetime, fails: bool = False, made: str = ""
    ) -> str:
        """A deposit of a fungible asset into an owner's store: the primary one, or a secondary one."""
        store = made or primary_store(long_form(owner), long_form(metadata))
        guid = {"creation_number": "0", "account_address": "0x0"}
        data = {"store": store, "amount": str(amount)}
        events = [
            {"guid": guid, "sequence_number": "0", "type": "0x1::fungible_asset::Deposit", "data": data},
            {"guid": guid, "sequence_number": "0", "type": "0x1::transaction_fee::FeeStatement", "data": {}},
        ]
        changes = [
            self._write(store, "0x1::object::ObjectCore", {"owner": owner, "allow_ungated_transfer": False}),
            self._write(
                store,
                "0x1::fungible_asset::FungibleStore",
                {"balance": str(amount), "frozen": False, "metadata": {"inner": metadata}},
            ),
            {"type": "write_table_item", "handle": "0x1", "key": "0x2", "value": "0x3", "data": None},
        ]
        return self._add(seed, events, changes, at, fails=fails)

    def pay_coin(self, seed: int, *, owner: str, coin: str, amount: int, at: datetime, twice: bool = False) -> str:
        """A deposit into an owner's coin store, as an event of its handle and, with `twice`, of its module too."""
        events: list[dict[str, Any]] = [
            {
                "type": "0x1::coin::DepositEvent",
                "guid": {"account_address": owner, "creation_number": "2"},
                "data": {"amount": str(amount)},
            }
        ]
        if twice:
            told = {"account": owner, "amount": str(amount), "coin_type": coin}
            events.insert(0, {"type": "0x1::coin::CoinDeposit", "data": told})
        handle = {"guid": {"id": {"addr": owner, "creation_num": "2"}}}
        changes = [self._write(owner, f"0x1::coin::CoinStore<{coin}>", {"deposit_events": handle})]
        return self._add(seed, events, changes, at)

    def serve(self) -> FakeProvider:
        """A node that knows them."""
        return FakeProvider(self._handle)

    def _handle(self, path: str, _: Any) -> tuple[int, Any]:
        path = path.partition("?")[0].removeprefix("/node")
        if path == "/v1":
            return 200, {"chain_id": 1, "ledger_version": "3000000000", "node_role": "full_node"}
        found = self.transactions.get(path.removeprefix("/v1/transactions/by_hash/"))
        return (
            (200, found)
            if found
            else (404, {"message": "Transaction not found", "error_code": "transaction_not_found"})
        )

    def _add(
        self,
        seed: int,
        events: list[dict[str, Any]],
        changes: list[dict[str, Any]],
        at: datetime,
        *,
        fails: bool = False,
    ) -> str:
        tx_hash = "0x" + f"{seed:02x}" * 32
        self.transactions[tx_hash] = {
            "type": "user_transaction",
            "sender": "0x5e4de6",
            "hash": tx_hash,
            "version": str(3_000_000_000 + seed),
            "success": not fails,
            "vm_status": "Move abort" if fails else "Executed successfully",
            "timestamp": str(int(at.timestamp() * 1_000_000)),
            "events": [] if fails else events,
            "changes": changes,
        }
        return tx_hash

    @staticmethod
    def _write(address: str, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        return {"type": "write_resource", "address": address, "data": {"type": kind, "data": data}}


@dataclass
class Evm:
    """Receipts by hash on a chain whose newest block and newest final block are as told."""

    chain_id: int
    newest: int = 120
    final: int = 110
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)

    def pay(
        self,
        seed: int,
        *,
        to: str,
        contract: str,
        amount: int,
        at: datetime,
        height: int = 100,
        symbol: str = "USDT",
        fails: bool = False,
    ) -> str:
        """An ERC-20 transfer in a block. Explorers add the symbol, which is there to mislead."""
        tx_hash = "0x" + f"{seed:02x}" * 32
        log = {
            "address": contract,
            "topics": ["0x" + TRANSFER_TOPIC, "0x" + "00" * 12 + "11" * 20, "0x" + "00" * 12 + to[2:].lower()],
            "data": f"0x{amount:064x}",
            "removed": False,
            "tokenSymbol": symbol,
        }
        self.times[height] = int(at.timestamp())
        self.receipts[tx_hash] = {
            "transactionHash": tx_hash,
            "blockNumber": hex(height),
            "blockHash": self._hash(height),
            "status": "0x0" if fails else "0x1",
            "logs": [] if fails else [log],
        }
        return tx_hash

    def serve(self) -> FakeProvider:
        """A node that knows them."""
        return FakeProvider(
            json_rpc(
                {
                    "eth_chainId": lambda: hex(self.chain_id),
                    "eth_getTransactionReceipt": self.receipts.get,
                    "eth_getTransactionByHash": self._transaction,
                    "eth_blockNumber": lambda: hex(self.newest),
                    "eth_getBlockByNumber": self._block,
                }
            )
        )

    def _transaction(self, tx_hash: str) -> dict[str, Any] | None:
        if tx_hash not in self.receipts:
            return None
        return {"hash": tx_hash, "from": "0x" + "11" * 20, "value": "0x0", "to": "0x" + "22" * 20}

    def _block(self, name: str, _: bool) -> dict[str, Any]:
        height = {"finalized": self.final, "latest": self.newest}.get(name)
        height = int(name, 16) if height is None else height
        return {"number": hex(height), "hash": self._hash(height), "timestamp": hex(self.times.get(height, 0))}

    @staticmethod
    def _hash(height: int) -> str:
        return f"0x{height:064x}"

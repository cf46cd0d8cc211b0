# An account that is a contract: what it holds is paid on the word of whoever calls it.
# pragma version ~=0.4.0

interface Token:
    def transfer(receiver: address, amount: uint256) -> bool: nonpayable

@external
def pay(token: address, receiver: address, amount: uint256):
    extcall Token(token).transfer(receiver, amount)

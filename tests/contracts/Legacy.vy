# The older generation of a token: it moves the newer one's balances and shows an event of its own besides.
# pragma version ~=0.4.0

interface Successor:
    def moveFor(sender: address, receiver: address, amount: uint256): nonpayable
    def balanceOf(holder: address) -> uint256: view

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

successor: Successor

@deploy
def __init__(successor: address):
    self.successor = Successor(successor)

@external
@view
def balanceOf(holder: address) -> uint256:
    return staticcall self.successor.balanceOf(holder)

@external
def transfer(receiver: address, amount: uint256) -> bool:
    extcall self.successor.moveFor(msg.sender, receiver, amount)
    log Transfer(sender=msg.sender, receiver=receiver, amount=amount)
    return True

@external
def repeat(receiver: address, amount: uint256):
    log Transfer(sender=msg.sender, receiver=receiver, amount=amount)

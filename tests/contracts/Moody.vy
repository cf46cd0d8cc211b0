# A token that may refuse to say what anybody holds, and moves all the same.
# pragma version ~=0.4.0

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

held: HashMap[address, uint256]
is_silent: public(bool)

@deploy
def __init__(supply: uint256):
    self.held[msg.sender] = supply

@external
@view
def balanceOf(holder: address) -> uint256:
    assert not self.is_silent, "ask me later"
    return self.held[holder]

@external
def be_silent(silent: bool):
    self.is_silent = silent

@external
def transfer(receiver: address, amount: uint256) -> bool:
    self.held[msg.sender] -= amount
    self.held[receiver] += amount
    log Transfer(sender=msg.sender, receiver=receiver, amount=amount)
    return True

@external
def pretend(receiver: address, amount: uint256):
    log Transfer(sender=msg.sender, receiver=receiver, amount=amount)

# A token that says no without failing, as some of the older ones do: nothing moves, and the transaction succeeds.
# pragma version ~=0.4.0

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

balanceOf: public(HashMap[address, uint256])
is_closed: public(bool)

@deploy
def __init__(supply: uint256):
    self.balanceOf[msg.sender] = supply

@external
def close(closed: bool):
    self.is_closed = closed

@external
def transfer(receiver: address, amount: uint256) -> bool:
    if self.is_closed:
        return False
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=msg.sender, receiver=receiver, amount=amount)
    return True

# Tells what publishing a transaction costs, as the OP stack's oracle does: ten units for each byte.
# pragma version ~=0.4.0

@external
@view
def getL1Fee(transaction: Bytes[2048]) -> uint256:
    return len(transaction) * 10

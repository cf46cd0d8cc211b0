"""When a block is deep enough: by its depth below the cursor and, where the chain says so, by the chain's finality."""

from typing import Final

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, true

from models.chain import ChainCursor

UNDONE_MAX: Final = 100
"""How many blocks a reorganisation may undo at most; a deeper one stops the reader."""


def is_deep(
    block_height: SQLColumnExpression[int] | SQLColumnExpression[int | None],
    confirmations: SQLColumnExpression[int] | int,
    cursor: ChainCursor,
) -> ColumnElement[bool]:
    """Whether the block at this height has this many confirmations, and is final where the chain tells of finality.

    Depth is counted from the cursor, not from the node's tip: a block that was not read confirms nothing.
    """
    is_final = true() if cursor.final_height is None else block_height <= cursor.final_height
    return and_(block_height + confirmations - 1 <= cursor.height, is_final)

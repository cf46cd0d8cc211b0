"""What suspense carries without explanation: proposed as a loss by one operator, booked by another."""

from services.losses.carrying import carry, take_back
from services.losses.deciding import NotThatMuch, ProposedByYou, agree, propose, propose_payment, refuse
from services.losses.reading import LossNotFound, carried, newest, one

__all__ = [
    "LossNotFound",
    "NotThatMuch",
    "ProposedByYou",
    "agree",
    "carried",
    "carry",
    "newest",
    "one",
    "propose",
    "propose_payment",
    "refuse",
    "take_back",
]

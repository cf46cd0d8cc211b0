"""Messages between two people: kept in order, read by these two alone, and counted while unread."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlalchemy.orm import Session, aliased

from domain.errors import StrongroomError
from domain.ids import new_id
from models.chat import ChatMember, ChatMessage, Conversation
from models.user import User

BODY_LENGTH_MAX: Final = 4000
STRANGERS_MAX: Final = 20
STRANGERS_WITHIN: Final = timedelta(days=1)
"""How many people who have not answered one may write to within this time."""


class SelfMessage(StrongroomError):
    """You cannot send a message to yourself."""

    code: ClassVar[str] = "self_message"


class TooManyStrangers(StrongroomError):
    """You wrote to many people who have not answered yet: wait for one of them, or until tomorrow."""

    code: ClassVar[str] = "too_many_strangers"


class ConversationNotFound(StrongroomError):
    """You and this person have not exchanged messages."""

    code: ClassVar[str] = "conversation_not_found"


@dataclass(frozen=True, slots=True)
class Said:
    """A message that was kept; `sequence` counts within its conversation, from 1."""

    conversation_id: UUID
    sequence: int
    sender_id: UUID
    body: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Thread:
    """One of a person's conversations, as the list of them shows it."""

    conversation_id: UUID
    peer_id: UUID
    peer_key: str
    peer_name: str | None
    last: Said
    unread: int
    read_by_peer: int
    moved_at: datetime


def send(session: Session, *, sender_id: UUID, recipient_id: UUID, body: str, now: datetime) -> Said:
    """Store a message; its sender has thereby read what came before it. Raises SelfMessage, TooManyStrangers."""
    if sender_id == recipient_id:
        raise SelfMessage(fields={"to": ["is yourself"]})
    conversation_id = _conversation(session, sender_id, recipient_id, now)
    # Locked from here to the commit, so that the sequence has no gap and readers see it grow in order.
    sequence = session.execute(
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(
            last_sequence=Conversation.last_sequence + 1,
            is_answered=Conversation.is_answered | (Conversation.begun_by != sender_id),
        )
        .returning(Conversation.last_sequence)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    said = Said(conversation_id, sequence, sender_id, body, now)
    row = {"conversation_id": conversation_id, "sequence": sequence, "sender_id": sender_id, "body": body}
    session.execute(insert(ChatMessage), [{**row, "sent_at": now}])
    members = update(ChatMember).where(ChatMember.conversation_id == conversation_id)
    members = members.execution_options(synchronize_session=False)
    session.execute(members.values(moved_at=now))
    session.execute(members.where(ChatMember.user_id == sender_id).values(read_sequence=sequence))
    return said


def threads(session: Session, user_id: UUID, *, before: datetime | None, limit: int) -> list[Thread]:
    """A person's conversations, the one that moved last first; older than `before` if it is given."""
    # First the page, then what belongs to it: a person may have thousands of conversations.
    paged = select(ChatMember).where(ChatMember.user_id == user_id)
    if before is not None:
        paged = paged.where(ChatMember.moved_at < before)
    paged = paged.order_by(ChatMember.moved_at.desc(), ChatMember.conversation_id.desc()).limit(limit)
    mine = aliased(ChatMember, paged.subquery())
    peer = ChatMember.__table__.alias("peer")
    query = (
        select(mine, Conversation.last_sequence, User, ChatMessage, peer.c.read_sequence)
        .join(Conversation, Conversation.id == mine.conversation_id)
        .join(User, User.id == mine.peer_id)
        .join(peer, (peer.c.conversation_id == mine.conversation_id) & (peer.c.user_id == mine.peer_id))
        .join(
            ChatMessage,
            (ChatMessage.conversation_id == Conversation.id) & (ChatMessage.sequence == Conversation.last_sequence),
        )
        .order_by(mine.moved_at.desc(), mine.conversation_id.desc())
    )
    return [
        Thread(
            conversation_id=member.conversation_id,
            peer_id=member.peer_id,
            peer_key=user.public_key,
            peer_name=user.display_name,
            last=_said(message),
            unread=last_sequence - member.read_sequence,
            read_by_peer=read_by_peer,
            moved_at=member.moved_at,
        )
        for member, last_sequence, user, message, read_by_peer in session.execute(query)
    ]


def messages(session: Session, user_id: UUID, peer_id: UUID, *, before: int | None, limit: int) -> list[Said]:
    """What the two wrote each other, newest first, before this sequence if given. None of it is no error."""
    between = _between(user_id, peer_id).scalar_subquery()
    query = select(ChatMessage).where(ChatMessage.conversation_id == between)
    query = query.order_by(ChatMessage.sequence.desc()).limit(limit)
    if before is not None:
        query = query.where(ChatMessage.sequence < before)
    return [_said(row) for row in session.scalars(query)]


def mark_read(session: Session, user_id: UUID, peer_id: UUID, *, up_to: int) -> int:
    """Note how far a person has read, never less than before; returns how much is unread.

    Raises ConversationNotFound.
    """
    row = session.execute(
        update(ChatMember)
        .where(
            ChatMember.user_id == user_id,
            ChatMember.conversation_id == _between(user_id, peer_id).scalar_subquery(),
            Conversation.id == ChatMember.conversation_id,
        )
        .values(read_sequence=func.greatest(ChatMember.read_sequence, func.least(up_to, Conversation.last_sequence)))
        .returning(Conversation.last_sequence - ChatMember.read_sequence)
        .execution_options(synchronize_session=False)
    ).first()
    if row is None:
        raise ConversationNotFound
    return int(row[0])


def read_by(session: Session, user_id: UUID, peer_id: UUID) -> int:
    """How far a person has read what the two wrote; 0 where there is nothing."""
    between = _between(user_id, peer_id).scalar_subquery()
    query = select(ChatMember.read_sequence).where(ChatMember.conversation_id == between, ChatMember.user_id == user_id)
    return session.scalar(query) or 0


def _between(one_id: UUID, other_id: UUID) -> Select[UUID]:
    """The conversation of these two: by the pair, for either of them may have thousands."""
    # An alias, so that it stays a statement of its own within those about conversations.
    found = aliased(Conversation)
    first, second = sorted((one_id, other_id))
    return select(found.id).where(found.first_user_id == first, found.second_user_id == second)


def _conversation(session: Session, sender_id: UUID, recipient_id: UUID, now: datetime) -> UUID:
    """The conversation of the two, begun now if there is none."""
    first, second = sorted((sender_id, recipient_id))
    between = _between(first, second)
    known = session.scalar(between)
    if known is not None:
        return known
    _refuse_crowds(session, sender_id, now)
    made: UUID | None = session.scalar(
        insert_or_not(Conversation)
        .values(id=new_id(), first_user_id=first, second_user_id=second, begun_by=sender_id, begun_at=now)
        .on_conflict_do_nothing(index_elements=["first_user_id", "second_user_id"])
        .returning(Conversation.id)
    )
    if made is None:
        # The other one began it in this very moment.
        return session.execute(between).scalar_one()
    session.execute(
        insert(ChatMember),
        [
            {"conversation_id": made, "user_id": one, "peer_id": other, "read_sequence": 0, "moved_at": now}
            for one, other in ((first, second), (second, first))
        ],
    )
    return made


def _refuse_crowds(session: Session, sender_id: UUID, now: datetime) -> None:
    unanswered = session.scalar(
        select(func.count()).where(
            Conversation.begun_by == sender_id,
            Conversation.begun_at > now - STRANGERS_WITHIN,
            Conversation.is_answered.is_(False),
        )
    )
    if (unanswered or 0) >= STRANGERS_MAX:
        raise TooManyStrangers


def _said(row: ChatMessage) -> Said:
    return Said(row.conversation_id, row.sequence, row.sender_id, row.body, row.sent_at)

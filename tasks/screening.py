"""Screen the senders of deposits before anything is credited."""

from collections.abc import Sequence

import structlog

from adapters.http_json import NoAnswer
from domain.actor import Actor
from domain.crash import crash_point
from domain.node_refusals import ChainError
from domain.ports import SenderReader, tells_senders
from services import screening as rules
from services.deposits import screening
from services.deposits.screening import Question
from tasks.app import task
from tasks.rounds import at, visit
from wiring.container import Container

log = structlog.get_logger(__name__)


@task("screening.screen")
def screen(container: Container, by: Actor) -> int:
    """Screen every deposit that waits for it. Returns how many are decided."""
    asked = {name: chain for name, chain in container.chains.items() if tells_senders(chain)}
    return visit("screening.screen", at(asked, screen_chain, container, by))


def screen_chain(container: Container, chain: SenderReader, by: Actor) -> int:
    """Screen the deposits of one rail. Returns how many are decided, one way or the other."""
    with container.reading() as session:
        questions = screening.due(session, chain.rail.chain, now=container.now())
    return sum(_screen(container, chain, question, by) for question in questions)


def _screen(container: Container, chain: SenderReader, question: Question, by: Actor) -> bool:
    name, named = chain.rail.chain, None
    try:
        senders = chain.senders(question.txid, question.vout, question.block_hash)
        if question.mode == "hook" and senders and not _is_listed(container, name, senders):
            named = container.screening.look_up(name, senders)
    except (ChainError, NoAnswer) as error:
        log.warning("deposit_not_screened", deposit_id=str(question.deposit_id), code=error.code, reason=str(error))
        with container.transaction() as session:
            reason = f"{error.code}: {error}"
            screening.wait(session, question, reason=reason, now=container.now(), by=by)
        return False
    crash_point("screening.looked_up")
    with container.transaction() as session:
        return screening.record(session, question, senders, named, now=container.now(), by=by) != "gone"


def _is_listed(container: Container, chain: str, senders: Sequence[str]) -> bool:
    """Whether our own list names a sender: then no service needs to be asked."""
    with container.reading() as session:
        return bool(rules.hits(session, chain, senders))

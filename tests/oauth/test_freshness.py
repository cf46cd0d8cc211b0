"""How freshly its user must have signed in, as the app asks (OpenID Connect Core 3.1.2.1)."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from werkzeug.test import TestResponse

from auth import sessions
from tests.api.house import House, Person
from tests.oauth.ageing import age
from tests.oauth.app import App, allow, ask, register, sent_back


def signed_in_again(person: Person) -> Person:
    """The same person with another session."""
    with person.house.container.transaction() as session:
        opened = sessions.begin(session, person.user_id, now=person.house.container.now())
    return replace(person, token=opened.token)


def question_after(answer: TestResponse) -> dict[str, str]:
    """What the browser asks when it comes back from the page to sign in again."""
    assert answer.status_code == 303
    to = urlsplit(answer.location)
    assert to.path == "/login"
    back = urlsplit(parse_qs(to.query)["next"][0])
    assert back.path == "/oauth/authorize"
    return {name: values[0] for name, values in parse_qs(back.query).items()}


def auth_time(app: App, code: str) -> int:
    token = app.redeem(code).get_json()["id_token"]
    moment: int = jwt.decode(token, options={"verify_signature": False})["auth_time"]
    return moment


@pytest.mark.parametrize("wish", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "3599"}], ids=str)
def test_a_user_signs_in_again_where_the_app_wants_it(own_house: House, wish: dict[str, str]) -> None:
    app, person = register(own_house), own_house.person()
    app.code(person)
    age(own_house, "sessions", "created_at", timedelta(hours=1))
    answer = ask(person, app.query(**wish))
    assert answer.location.startswith("/login?again=1&next=")
    again = question_after(answer)
    # Nothing was done yet: coming back without it, or pressing the button without it, leads to the same page.
    assert question_after(ask(person, again)).keys() == again.keys()
    assert question_after(allow(person, again)).keys() == again.keys()
    later = signed_in_again(person)
    code = sent_back(ask(later, again))["code"]
    assert own_house.container.now().timestamp() - auth_time(app, code) < 60


def test_a_fresh_enough_user_is_not_asked_and_the_app_learns_when(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    app.code(person)
    age(own_house, "sessions", "created_at", timedelta(hours=1))
    code = sent_back(ask(person, app.query(max_age="3660")))["code"]
    assert 3600 <= own_house.container.now().timestamp() - auth_time(app, code) < 3660


@pytest.mark.parametrize("wish", [{"max_age": "60"}, {"max_age": "0"}], ids=str)
def test_with_nothing_shown_a_stale_user_is_an_error(own_house: House, wish: dict[str, str]) -> None:
    app, person = register(own_house), own_house.person()
    app.code(person)
    assert "code" in sent_back(ask(person, app.query(prompt="none", max_age="60")))
    age(own_house, "sessions", "created_at", timedelta(hours=1))
    assert sent_back(ask(person, app.query(prompt="none", **wish)))["error"] == "login_required"


def test_with_nothing_shown_a_visitor_is_an_error(house: House) -> None:
    app = register(house)
    answer = house.visitor().get("/oauth/authorize", query_string=app.query(prompt="none"))
    assert sent_back(answer)["error"] == "login_required"


def test_a_note_to_sign_in_again_is_for_one_request_and_one_quarter_of_an_hour(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    app.code(person)
    again = question_after(ask(person, app.query(prompt="login")))
    later = signed_in_again(person)
    forged = [
        {**again, "state": "another"},
        {**again, "signed_in_since": "0." + again["signed_in_since"].partition(".")[2]},
        {**again, "signed_in_since": "x.y"},
        {**again, "signed_in_since": "1" * 4000},
    ]
    for query in forged:
        assert question_after(ask(later, query))
    in_time = replace(own_house.container, clock=lambda: own_house.container.now() + timedelta(minutes=14))
    too_late = replace(own_house.container, clock=lambda: own_house.container.now() + timedelta(minutes=16))
    assert "code" in sent_back(ask(replace(later, house=House(in_time)), again))
    assert question_after(ask(replace(later, house=House(too_late)), again))


def test_a_session_that_was_renewed_is_no_proof_of_a_key(own_house: House) -> None:
    app, person = register(own_house), own_house.person()
    now = own_house.container.now()
    with own_house.container.transaction() as session:
        renewed = sessions.begin(session, person.user_id, now=now, lifetime=timedelta(hours=20))
    code = app.code(replace(person, token=renewed.token))
    assert abs(auth_time(app, code) - (now - timedelta(hours=4)).timestamp()) < 2


def test_who_signs_in_again_is_asked_for_a_key(house: House) -> None:
    client = house.visitor(use_cookies=True)
    client.set_cookie("session", house.person().token)
    assert client.get("/login?next=/apps").status_code == 303
    assert "Sign in with your key" in client.get("/login?again=1&next=/apps").text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"prompt": "select_account"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "none consent"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "1" * 30}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"id_token_hint": "a.b.c"}, "invalid_request"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"request_uri": "https://app.example/request"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
    ],
    ids=str,
)
def test_what_is_not_done_here_is_refused_by_name(house: House, changes: dict[str, str], error: str) -> None:
    app, person = register(house), house.person()
    sent = sent_back(ask(person, app.query(**changes)))
    assert (sent["error"], sent["state"]) == (error, "state-1")


def test_a_hint_names_the_user_that_the_app_wants(own_house: House) -> None:
    app, person, other = register(own_house), own_house.person(), own_house.person()
    body = app.tokens(person)
    app.code(other)
    hint = body["id_token"]
    assert "code" in sent_back(ask(person, app.query(prompt="none", id_token_hint=hint)))
    silent = sent_back(ask(other, app.query(prompt="none", id_token_hint=hint)))
    assert silent["error"] == "login_required"
    again = question_after(ask(other, app.query(id_token_hint=hint)))
    assert "code" in sent_back(ask(signed_in_again(person), again))
    assert sent_back(ask(signed_in_again(other), again))["error"] == "login_required"
    # An access token, and the ID token of another app, are no hints.
    for wrong in (body["access_token"], register(own_house).tokens(person)["id_token"]):
        assert sent_back(ask(person, app.query(id_token_hint=wrong)))["error"] == "invalid_request"


def test_a_stranger_is_sent_nowhere_unasked(house: House) -> None:
    app, person = register(house), house.person()
    wrong = app.query(scope="everything")
    answer = house.visitor().get("/oauth/authorize", query_string=wrong)
    assert answer.location.startswith("/login?next=/oauth/authorize")
    assert sent_back(ask(person, wrong))["error"] == "invalid_scope"
    silent = house.visitor().get(f"/oauth/authorize?{urlencode({**wrong, 'prompt': 'none'})}")
    assert sent_back(silent)["error"] == "invalid_scope"


@pytest.mark.parametrize("uri", ["http://127.0.0.1/done", "com.example.lens:/done"])
def test_a_program_that_any_other_could_pretend_to_be_is_asked_for_each_time(house: House, uri: str) -> None:
    app, person = register(house, redirect_uris=[uri], token_endpoint_auth_method="none"), house.person()
    query = app.query(redirect_uri=uri)
    assert allow(person, query).status_code == 303
    assert ask(person, query).status_code == 200
    silent = ask(person, {**query, "prompt": "none"})
    assert silent.status_code == 303
    assert parse_qs(urlsplit(silent.location).query)["error"] == ["consent_required"]

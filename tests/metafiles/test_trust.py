"""What a repository may say about a remote, line by line of the rules, and what an enemy would try."""

from __future__ import annotations

import pytest
from trusting import EVIL, KEYS, STORES, accept, refuse, remote

from cvfs.metafiles.config import Config, Level, RemoteConfig, parse_config, parse_overrides

USERS = (Level.SYSTEM, Level.GLOBAL, Level.LOCAL, Level.OVERRIDE)


@pytest.mark.parametrize("url", [*STORES.values(), "/local/dir", "file:///x", "ssh://host/x"])
def test_ordinary_remote_needs_nobodys_word(url: str) -> None:
    accept(remote("version_aware = true\nregion = eu-west-1\nprofile = team\njobs = 4\nunknown = x", url=url))


RULE_1 = [
    "configpath = c",
    "credentialpath = c",
    "credentialpath = /home/me/.aws/other",
    "keyfile = k",
    "cert_path = c",
    "key_path = k",
    "bearer_token_command = rm -rf /",
    "gdrive_user_credentials_file = x",
    "gdrive_service_account_json_file_path = x",
    "ssl_verify = false",
    "ssl_verify = False",
    "ssl_verify = ' FALSE '",
    "ssl_verify = no",
    "ssl_verify = 0",
    "ssl_verify =",
]


@pytest.mark.parametrize("url", STORES.values())
@pytest.mark.parametrize("option", RULE_1)
def test_programs_files_and_unchecked_certificates_need_the_users_own_word(option: str, url: str) -> None:
    refuse(remote(option, url=url))
    refuse(remote(option, url=url, worktree=option))
    # Not even where there is nothing to lose: a configuration file can name a program.
    refuse(remote(f"{option}\n{KEYS}", url=url))
    refuse(remote(f"{option}\nallow_anonymous_login = true", url=url))
    for level in USERS:
        accept(remote(url=url, **{level.name.lower(): option}))


def test_users_value_replaces_the_repositorys() -> None:
    accept(remote("configpath = c", local="configpath = mine"))
    accept(remote("ssl_verify = false", override="ssl_verify = true"))
    accept(remote(f"endpointurl = {EVIL}", local="endpointurl = https://mine.example"))
    # But system and global configuration are overridden by the commit.
    refuse(remote("configpath = c", system="configpath = mine"))
    refuse(remote(f"endpointurl = {EVIL}", **{"global": "endpointurl = https://mine.example"}))


RULE_2 = [
    f"endpointurl = {EVIL}",
    "endpointurl = http://127.0.0.1:9000",
    "ssl_verify = ca.pem",
    "ssl_verify = /etc/ca.pem",
    "use_ssl = false",
]


@pytest.mark.parametrize("option", RULE_2)
def test_where_credentials_go_is_confirmed_by_the_work_tree(option: str) -> None:
    refuse(remote(option))
    accept(remote(option, worktree=option))
    refuse(remote(option, worktree=f"{option}x"))
    refuse(remote(option, worktree="region = a"))
    for level in USERS:
        accept(remote(**{level.name.lower(): option}))


@pytest.mark.parametrize("option", RULE_2)
def test_who_has_nothing_to_lose_needs_no_confirmation(option: str) -> None:
    accept(remote(f"{option}\n{KEYS}"))
    accept(remote(f"{option}\nallow_anonymous_login = True"))
    accept(remote(option, local="allow_anonymous_login = true"))


@pytest.mark.parametrize(
    "commit",
    [
        "access_key_id = A",
        "secret_access_key = S",
        "access_key_id = A\nsecret_access_key = ''",
        "access_key_id = ' '\nsecret_access_key = S",
        "profile = p",
        "session_token = T",
        "allow_anonymous_login = false",
        "allow_anonymous_login = yes",
        "allow_anonymous_login = ''",
    ],
)
def test_half_a_key_leaves_room_for_the_users_credentials(commit: str) -> None:
    refuse(remote(f"endpointurl = {EVIL}\n{commit}"))


@pytest.mark.parametrize(
    "local",
    [
        KEYS,
        "access_key_id = A",
        "secret_access_key = S",
        "session_token = T",
        "sse_customer_key = K",
    ],
)
def test_secrets_of_the_user_are_the_users_wherever_they_stand(local: str) -> None:
    option = f"endpointurl = {EVIL}"
    for commit in (option, f"{option}\n{KEYS}", f"{option}\nallow_anonymous_login = true"):
        refuse(remote(commit, local=local))
        refuse(remote(commit, override=local))
    accept(remote(option, local=local, worktree=option))


KEY = "AccountName=a;AccountKey=K;BlobEndpoint=https://evil.example"


def test_connection_string_with_its_own_key_has_nothing_to_lose() -> None:
    url = STORES["azure"]
    accept(remote(f"connection_string = '{KEY}'", url=url))
    accept(remote("connection_string = 'BlobEndpoint=https://x;SharedAccessSignature=s'", url=url))
    accept(remote("connection_string = 'UseDevelopmentStorage=true'", url=url))


@pytest.mark.parametrize(
    "text", ["BlobEndpoint=https://evil.example", "AccountName=a", "AccountKey=;AccountName=a", "x=AccountKey=K", " "]
)
def test_connection_string_without_a_key_would_take_the_users(text: str) -> None:
    option = f"connection_string = '{text}'"
    check = accept if not text.strip() else refuse
    check(remote(option, url=STORES["azure"]))
    accept(remote(option, url=STORES["azure"], worktree=option))


@pytest.mark.parametrize("secret", ["account_key = K", "sas_token = T", "client_secret = S"])
def test_connection_string_beside_a_secret_of_the_user(secret: str) -> None:
    option = f"connection_string = '{KEY}'"
    refuse(remote(option, url=STORES["azure"], local=secret))
    accept(remote(option, url=STORES["azure"], local=secret, worktree=option))
    accept(remote(url=STORES["azure"], local=f"{option}\n{secret}"))


def test_account_name_is_the_usual_way_and_a_host_of_azures() -> None:
    accept(remote("account_name = myaccount\ntenant_id = t\nclient_id = c", url=STORES["azure"]))


def chain(commit: str, worktree: str = "", local: str = "") -> RemoteConfig:
    layers = [
        parse_config(text, level, f".dvc/{level.name.lower()}", "/repo/.dvc")
        for text, level in ((commit, Level.COMMIT), (worktree, Level.WORKTREE), (local, Level.LOCAL))
    ]
    return Config(layers).remote("up")


UP = '[remote "up"]\nurl = remote://base/x\n'
BASE = '[remote "base"]\nurl = s3://bucket\n'


@pytest.mark.parametrize("option", ["configpath = c", "ssl_verify = false", f"endpointurl = {EVIL}", "region = 'x/'"])
def test_references_inherit_no_trust(option: str) -> None:
    refuse(chain(f"{UP}{BASE}{option}\n"))
    refuse(chain(f"{UP}{BASE}{option}\n", local=f'[remote "up"]\n{KEYS}'))
    refuse(chain(f"{UP}{option}\n{BASE}"))
    refuse(chain(f'{UP}[remote "base"]\nurl = Remote://deep/y\n[remote "deep"]\nurl = s3://bucket\n{option}\n'))
    accept(chain(UP + BASE, local=f'[remote "base"]\n{option}\n'))
    accept(chain(UP + BASE, local=f'[remote "up"]\n{option}\n'))


def test_references_are_confirmed_where_the_value_was_set() -> None:
    option = f"endpointurl = {EVIL}\n"
    inherited, own = f"{UP}{BASE}{option}", f"{UP}{option}{BASE}"
    by_base, by_up = f'[remote "base"]\n{option}', f'[remote "up"]\n{option}'
    accept(chain(inherited, worktree=by_base))
    accept(chain(own, worktree=by_up))
    refuse(chain(inherited, worktree=by_up))
    refuse(chain(own, worktree=by_base))


def test_commit_cannot_turn_a_reference_to_a_remote_of_its_own() -> None:
    evil = f'[remote "up"]\nurl = remote://evil\n[remote "evil"]\nurl = s3://bucket\nendpointurl = {EVIL}\n'
    refuse(
        chain(
            evil, worktree=f'[remote "up"]\nurl = s3://bucket\nendpointurl = {EVIL}\n', local=f'[remote "up"]\n{KEYS}'
        )
    )


@pytest.mark.parametrize(
    "spelling",
    ["ENDPOINTURL", "EndpointUrl", '"endpointurl"', "'EndpointURL'", "  endpointurl"],
)
def test_spelling_of_an_option_hides_nothing(spelling: str) -> None:
    refuse(remote(f"{spelling} = {EVIL}"))


@pytest.mark.parametrize("title", ["['REMOTE \"UP\"']", '[remote "Up"]', "['  remote   \"uP\"  ']"])
def test_spelling_of_a_section_hides_nothing(title: str) -> None:
    layer = parse_config(f"{title}\nurl = S3://bucket\nendpointurl = {EVIL}\n", Level.COMMIT, ".dvc/config", None)
    refuse(Config([layer]).remote("up"))


def test_message_names_value_file_and_ways_out() -> None:
    error = refuse(remote(f"endpointurl = {EVIL}\nconfigpath = c", name="storage"))
    assert "remote 'storage'" in error.message
    assert f".dvc/commit sets endpointurl to '{EVIL}'" in error.message
    assert ".dvc/commit sets configpath to '/repo/.dvc/c'" in error.message
    assert error.hint is not None
    assert "--remote-config storage.endpointurl=VALUE" in error.hint
    assert "--trust-config" in error.hint
    assert ".dvc/config.local" in error.hint


def test_first_way_out_of_the_hint_works() -> None:
    layer = parse_config(f'[remote "up"]\nurl = s3://b\nendpointurl = {EVIL}', Level.COMMIT, ".dvc/config", None)
    accept(Config([layer, parse_overrides([f"up.endpointurl={EVIL}"])]).remote("up"))


def test_message_shows_no_secret_and_no_escape_sequence() -> None:
    error = refuse(remote("endpointurl = https://user:hunter2@evil.example/?token=hunter2"))
    assert "hunter2" not in str(error)
    assert "evil.example" in str(error)
    error = refuse(remote("connection_string = 'BlobEndpoint=https://x?sig=hunter2'", url=STORES["azure"]))
    assert "hunter2" not in str(error)
    assert "hunter2" not in str(refuse(remote("bearer_token_command = echo hunter2")))
    assert "\x1b" not in str(refuse(remote("endpointurl = 'https://x\x1b[2J'")))

"""What is taken for a secret, what is not, and that no secret gets through at any depth."""

from __future__ import annotations

import collections
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autolog
from autolog.recording.redaction.names import is_secret_name
from autolog.recording.redaction.shapes import REDACTED
from autolog.recording.redaction.texts import redact_arguments, redact_text
from autolog.recording.redaction.values import redact
from autolog.values import encode, revive

SECRET_NAMES = [
    "password",
    "passwd",
    "PGPASSWORD",
    "MYSQL_PWD",
    "password1",
    "passphrase",
    "db_pass",
    "token",
    "hf_token",
    "authToken",
    "X-Auth-Token",
    "access_tokens",
    "api_key",
    "apikey",
    "apiKey",
    "X-Api-Key",
    "OPENAI_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "secret",
    "client_secret",
    "secrets",
    "SECRET_KEY_BASE",
    "credential",
    "credentials",
    "private_key",
    "private_key_pem",
    "access_key",
    "session_key",
    "auth",
    "basic_auth",
    "authorization",
    "Proxy-Authorization",
    "bearer",
    "connection_string",
    "conn_str",
    "dsn",
    "cookie",
    "jwt",
    "clf__auth_token",
    "db.password",
    "headers[Authorization]",
    "passwords.0",
]

ORDINARY_NAMES = [
    "",
    "C",
    "key",
    "keys",
    "keyword",
    "primary_key",
    "sort_keys",
    "public_key",
    "max_tokens",
    "n_tokens",
    "stop_tokens",
    "tokens",
    "tokenizer",
    "tokenizer__vocab",
    "token_pattern",
    "token_ids",
    "pad_token",
    "eos_token",
    "cost_per_token",
    "author",
    "num_authors",
    "secretary",
    "password_strength",
    "password_strength_model__C",
    "password_file",
    "api_key_env",
    "auth_type",
    "forward_pass",
    "low_pass",
    "n_passes",
    "compass",
    "credit_score",
    "session",
    "signature",
    "connection_timeout",
    "cookies_accepted",
    "sécurité",
]

SHAPES = [
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "11ABCDEFG0" * 4,
    "glpat-" + "x" * 20,
    "sk-" + "abc1" * 10,
    "sk-proj-" + "ab_c1-" * 8,
    "hf_" + "abCD" * 9,
    "xoxb-123456789012-abcdefghijkl",
    "AIza" + "Sy_-1" * 7,
    "sk_live_" + "a1" * 12,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASC=\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\\nMIIEpAIBAAKCAQEA7\\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_values_under_secret_names_are_redacted(name):
    """A text, a number and a container under such a name give way as a whole."""
    assert is_secret_name(name)
    assert redact(name, "hunter2") == REDACTED
    assert redact(name, ["a", "b"]) == REDACTED
    assert redact(name, {"user": "me"}) == REDACTED
    assert redact("config", {"deep": [{name: "hunter2"}], "n": 1}) == {"deep": [{name: REDACTED}], "n": 1}


@pytest.mark.parametrize("name", ORDINARY_NAMES)
def test_values_under_ordinary_names_come_back_as_the_same_object(name):
    """A name that only resembles a secret's hides nothing."""
    assert not is_secret_name(name)
    for value in ("hunter2", ["a", {"b": "c"}], {"d": ("e", 1)}, 7):
        assert redact(name, value) is value


def test_flags_none_and_floats_are_no_secrets():
    """`use_auth_token=True`, `token=None` and a rate under any name are shown."""
    for value in (True, False, None, 0.5):
        assert redact("use_auth_token", value) is value


@pytest.mark.parametrize("name", ["passwords", "n_token", "max_password", "num_secrets", "total_token", "credentials"])
def test_whole_numbers_under_plural_and_counting_names_are_counts(name):
    """How many secrets there are is none; a number under a singular name may be one."""
    assert redact(name, 1234) == 1234
    assert redact("password", 1234) == REDACTED
    assert redact("db_pass", 1234) == REDACTED


def test_further_names_can_be_given():
    """Patterns hide more names at any depth, whatever their case; others stay."""
    value = {"card_pin": "1234", "CARD_PIN": "1234", "pinned": "yes"}
    assert redact("x", value, ["*_pin"]) == {"card_pin": REDACTED, "CARD_PIN": REDACTED, "pinned": "yes"}
    assert redact("my_pin", "1234", ("*_pin",)) == REDACTED
    assert redact_text("run --card-pin 1234 a_pin=99", ["*?pin"]) == f"run --card-pin {REDACTED} a_pin={REDACTED}"
    assert redact("my_pin", "1234") == "1234"


@pytest.mark.parametrize("shape", SHAPES)
def test_well_known_shapes_are_redacted_anywhere(shape):
    """A token that tells itself by its shape is found under any name, in the middle of text and in bytes."""
    assert redact("note", shape) == REDACTED
    assert redact("note", f"before {shape} after") == f"before {REDACTED} after"
    assert redact("note", {"a": (shape,)}) == {"a": (REDACTED,)}
    assert redact("note", f"<{shape}>".encode()) == f"<{REDACTED}>".encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pw@host/x", "https://[redacted]@host/x"),
        ("https://ghtoken@github.com/a/b", "https://[redacted]@github.com/a/b"),
        ("at postgres://u:p/w@h:5432/db, retry", "at postgres://[redacted]@h:5432/db, retry"),
        ("https://u:p@ss@host", "https://[redacted]@host"),
        ("s3://KEY:se/cr+et@bucket/a s3://other", "s3://[redacted]@bucket/a s3://other"),
        (
            "https://x/?a=1&token=abc&sig=xyz%3D&X-Amz-Signature=12ab&b=2#f",
            "https://x/?a=1&token=[redacted]&sig=[redacted]&X-Amz-Signature=[redacted]&b=2#f",
        ),
        ("https://x/?X-Amz-Credential=a%2Fb&X-Amz-Date=1", "https://x/?X-Amz-Credential=[redacted]&X-Amz-Date=1"),
        ("?password=f(x)", "?password=[redacted]"),
        ("train --password hunter2 --lr 0.1", "train --password [redacted] --lr 0.1"),
        ("train --api-key=hunter2 --lr 0.1", "train --api-key=[redacted] --lr 0.1"),
        ("train --token 'two words' x", "train --token '[redacted]' x"),
        ("--password=a,b;c)d", "--password=[redacted]"),
        ("host=h password=hunter2 user=u", "host=h password=[redacted] user=u"),
        ("Server=h;Password=hunter2;User=u", "Server=h;Password=[redacted];User=u"),
        ('{"api_key": "hunter2", "n": 1}', '{"api_key": "[redacted]", "n": 1}'),
        ("{'password': 'it\\'s', 'n': 1}", "{'password': '[redacted]', 'n': 1}"),
        ('"{\\"token\\": \\"abc\\"}"', '"{\\"token\\": \\"[redacted]\\"}"'),
        ("Client(host='h', password='hunter2')", "Client(host='h', password='[redacted]')"),
        ('+API_KEY = "hunter2"  # mine', '+API_KEY = "[redacted]"  # mine'),
        ('password = """hunter2"""', 'password = """[redacted]"""'),
        ('password = "hunter2 (cut off he', 'password = "[redacted]'),
        ("-  password: hunter2\n   user: me", "-  password: [redacted]\n   user: me"),
        ("export HF_TOKEN=hunter2;x\n", "export HF_TOKEN=[redacted]\n"),
        ("secret_key = a(b", "secret_key = [redacted]"),
        ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
        ("-H 'Authorization: Basic dTpw'", "-H 'Authorization: [redacted]'"),
        ("sent bearer abcdef0123456789abcdef", "sent bearer [redacted]"),
        ("password: hunter2   # mine", "password: [redacted]   # mine"),
        ("+  api_key: hunter2 # x", "+  api_key: [redacted] # x"),
        ("password = hunter2 # x", "password = [redacted] # x"),
        ("password: hunter2,\r", "password: [redacted],\r"),
        ('+    password: str = "hunter2"', '+    password: str = "[redacted]"'),
        ('def f(token: str | None = "hunter2", n: int = 3):', 'def f(token: str | None = "[redacted]", n: int = 3):'),
        ('os.environ["DB_PASSWORD"] = "hunter2"', 'os.environ["DB_PASSWORD"] = "[redacted]"'),
        ('environ.setdefault("API_KEY", "hunter2")', 'environ.setdefault("API_KEY", "[redacted]")'),
        ("- {user: bob, password: hunter2}", "- {user: bob, password: [redacted]}"),
        ("{password: two words, user: bob}", "{password: [redacted], user: bob}"),
        ('PASSWORDS = ["hunter2"]', 'PASSWORDS = ["[redacted]"]'),
        (
            '+SECRETS = [\n+    "a",\n+    ("b", {"c": 1}),\n+]\n+n = ["a"]',
            '+SECRETS = [\n+    "[redacted]",\n+    ("[redacted]", {"[redacted]": 1}),\n+]\n+n = ["a"]',
        ),
        ('{"secrets": ["a]b"], "n": ["c"]}', '{"secrets": ["[redacted]"], "n": ["c"]}'),
        ("passphrase: correct horse battery", "passphrase: [redacted]"),
        ("curl -u bob:hunter2 https://a", "curl -u bob:[redacted] https://a"),
        ("curl --user 'bob:hunter2' h", "curl --user 'bob:[redacted]' h"),
        ("mysql -h host -phunter2 db", "mysql -h host -p[redacted] db"),
        ("sshpass -p hunter2 ssh a", "sshpass -p [redacted] ssh a"),
    ],
)
def test_secrets_within_text_are_redacted_and_the_rest_stays(text, expected):
    """Only the secret is taken out of a URL, a command line, a diff or a message; and once is enough."""
    assert redact_text(text) == expected
    assert redact("note", text) == expected
    assert redact_text(expected) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "newton-cholesky",
        "git@github.com:team/repo.git",
        "https://unpkg.com/pkg@1.2/x",
        "http://host:8080/pkg@1.2",
        "http://[::1]:8080/a@b",
        "mail me@example.com",
        "-    token = tokenizer.next()",
        "+    self.token = token",
        "login(token=token, password=args.password, key=key)",
        "password=os.environ['PASSWORD']",
        "    token: str",
        "    token: str,",
        "    token: Optional[str] = None,",
        "    token: str | None = None",
        "docker run -u 1000:1000 image",
        "curl -u https://host/x",
        "python serve.py -p 8080",
        'columns = ["password", "user"]',
        'frame[["token", "n"]]',
        "{ password: string }",
        "{token: token}",
        'f"{password:>10}"',
        "token=None, auth=False",
        "max_tokens=5 n_tokens: 7",
        "login failed for password: too short",
        "unexpected token at line 3",
        "--auth --verbose",
        'password=""',
        "task-force-one-is-here-0",
        "sk-learn-compatible-estimator",
        "the bearer understandably waits",
        "(?u)\\b\\w\\w+\\b",
        "AKIA",
        "-----BEGIN CERTIFICATE-----",
        "a\x00b\ud800",
    ],
)
def test_ordinary_text_comes_back_as_the_same_object(text):
    """Prose, code that names a secret without holding it, and URLs without one are left alone."""
    assert redact_text(text) is text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--password", "x", "y"], ["--password", REDACTED, "y"]),
        (["--password", "f(x)"], ["--password", REDACTED]),
        (["--token=a b=c", "--lr=1"], [f"--token={REDACTED}", "--lr=1"]),
        (["db.password=x y", "+hub.token=z", "lr=1"], [f"db.password={REDACTED}", f"+hub.token={REDACTED}", "lr=1"]),
        (["--auth", "--verbose", "1"], ["--auth", "--verbose", "1"]),
        (
            ["--n-token", "5", "--max-tokens=6", "--token", "none"],
            ["--n-token", "5", "--max-tokens=6", "--token", "none"],
        ),
        (["-H", "Authorization: Bearer x"], ["-H", f"Authorization: {REDACTED}"]),
        (["-u", "bob:x", "--user", "1:2"], ["-u", f"bob:{REDACTED}", "--user", "1:2"]),
        (["sqlite://u:p@h/db"], [f"sqlite://{REDACTED}@h/db"]),
        ([], []),
    ],
)
def test_arguments_are_understood_one_by_one(arguments, expected):
    """An option's value is redacted whole, whether it is its own argument or not; a flag has none."""
    assert redact_arguments(arguments) == expected
    assert redact("command", list(arguments)) == expected


def test_containers_keep_their_type_and_what_held_no_secret_its_identity():
    """Only what lies on the way to a secret is copied; a named tuple's fields are names too."""
    untouched = {"a": [1, 2]}
    value = ["x", untouched, ("u://a:b@c", frozenset({"u://a:b@c"}))]
    redacted = redact("config", value)
    assert redacted == ["x", untouched, ("u://[redacted]@c", frozenset({"u://[redacted]@c"}))]
    assert redacted[1] is untouched
    assert value[2][0] == "u://a:b@c"
    assert redact("config", {SHAPES[0]: 1}) == {REDACTED: 1}
    login = collections.namedtuple("login", "user password")("me", "hunter2")
    assert redact("login", login) == ("me", REDACTED)
    plain = collections.namedtuple("point", "x y")(1, 2)
    assert redact("point", plain) is plain


def test_the_encoded_form_of_values_is_understood():
    """Keys that JSON cannot have, tuples and objects' texts are redacted where they were encoded before."""

    class Client:
        def __repr__(self):
            return "Client(password='hunter2')"

    value = {1: "x", "password": "hunter2", ("a",): Client()}
    redacted = redact("config", encode(value))
    assert "hunter2" not in json.dumps(redacted)
    assert [pair[1] for pair in redacted["$dict"]][:2] == ["x", REDACTED]
    harmless = encode({1: "x", 2: ("y",)})
    assert redact("config", harmless) is harmless


def test_a_value_that_contains_itself_ends():
    """A cycle is cut, rather than followed until the stack is full."""
    loop: list[object] = ["u://a:b@c"]
    loop.append(loop)
    loop.append({"again": loop})
    assert "a:b" not in repr(redact("x", loop))


REPEATED = [
    *(
        "a",
        "a-",
        "token=",
        "token=a(",
        'token="',
        "http://",
        "://a:a@",
        "eyJaaaaaaaa.",
        " sk-",
        "bearer ",
        "?a&",
        " ",
        "_",
    ),
    *(
        "-",
        "authorization: ",
        "password\\",
        "é",
        "token: x ",
        "--token ",
        "\n",
        *(
            "{token: a,",
            'f("token",',
            'passwords=["',
            "passwords=[[",
            "mysql ",
            "mysql a -p",
            "-u a:",
            "passphrase: a ",
            "token: a #",
        ),
        *("token: str = ", "environ['token'] ", 'passwords=["[redacted]",'),
        "-----BEGIN PRIVATE KEY-----",
        "\t-",
    ),
]


@pytest.mark.parametrize("piece", REPEATED)
def test_long_text_is_looked_at_once(piece):
    """However it repeats, text of 200 KB is done; a pattern that looks again and again would take many minutes."""
    text = piece * (200_000 // len(piece))
    redacted = redact_text(text)
    assert redact_text(redacted) == redacted


def test_long_text_is_redacted_wherever_the_secret_stands():
    """Blocks are cut at ends of lines, so that no secret is cut; a private key may run over many lines."""
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0B\n" * 2000 + "-----END PRIVATE KEY-----"
    lines = "\n".join(f"line {number} with some text in it" for number in range(2000))
    text = f"{lines}\npassword = 'hunter2'\n{lines}\n{key}\n{lines} https://a:hunter2@b\n"
    redacted = redact_text(text)
    assert redacted == f"{lines}\npassword = '[redacted]'\n{lines}\n[redacted]\n{lines} https://[redacted]@b\n"
    ordinary = f"{lines}\n{lines}"
    assert redact_text(ordinary) is ordinary


_SECRETS = st.text(string.ascii_letters + string.digits + "+/=_.~-", min_size=3, max_size=30).map(
    lambda text: f"Q{text}Q"
)
_HARMLESS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.ascii_lowercase, max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "key", "max_tokens", "token_pattern"]), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


def _wrappers():
    """Ways to bury a value one level deeper beside harmless ones."""
    return st.one_of(
        _HARMLESS.map(lambda beside: lambda value: [beside, value]),
        _HARMLESS.map(lambda beside: lambda value: {"a": beside, "b": value}),
        _HARMLESS.map(lambda beside: lambda value: (value, beside)),
    )


@given(name=st.sampled_from(SECRET_NAMES), secret=_SECRETS, wrappers=st.lists(_wrappers(), max_size=5))
def test_a_secret_planted_under_a_name_never_survives(name, secret, wrappers):
    """At whatever depth it stands, raw or encoded."""
    value: object = {name: secret}
    for wrap in wrappers:
        value = wrap(value)
    assert secret not in repr(redact("config", value))
    assert secret not in repr(redact("config", encode(value)))


@given(
    before=st.text(string.printable, max_size=40),
    plant=st.sampled_from(
        [
            "https://user:{}@host/path",
            "https://host/?n=1&token={}&m=2",
            "x --password {} y",
            "x --api-key={} y",
            '{{"secret": "{}"}}',
            "password='{}'",
        ]
    ),
    secret=st.text(string.ascii_letters + string.digits + "_~-", min_size=3, max_size=30).map(lambda text: f"Q{text}Q"),
    after=st.text(string.printable, max_size=40),
)
def test_a_secret_planted_in_text_never_survives(before, plant, secret, after):
    """Whatever lines stand around it."""
    text = f"{before}\n{plant.format(secret)}\n{after}"
    assert secret not in redact_text(text)
    assert redact_text(redact_text(text)) == redact_text(text)


@given(shape=st.sampled_from(SHAPES), before=st.text(" \n\t,;|", max_size=5), after=st.text(" \n\t,;|", max_size=5))
def test_a_planted_shape_never_survives(shape, before, after):
    """A well-known shape is found between any separators."""
    assert redact_text(before + shape + after) == before + REDACTED + after


@given(_HARMLESS)
def test_harmless_values_come_back_as_the_same_object(value):
    """What holds no secret is not even copied."""
    assert redact("param", value) is value


@given(st.text(max_size=200))
def test_any_text_is_taken_and_once_is_enough(text):
    """No text raises, and what was redacted stays as it is."""
    redacted = redact_text(text)
    assert redact_text(redacted) == redacted


def test_encoded_bytes_and_named_tuples_are_looked_into():
    """Their text and their fields' names say what is secret, and what is not stays the same object."""
    login = collections.namedtuple("login", "user password")("me", "hunter2")
    for value in (login, [login], {"a": login}):
        encoded = encode(value)
        assert "hunter2" not in repr(redact("config", encoded))
        assert "hunter2" in repr(encoded)
    assert redact("x", encode(login)) == {"$tuple": ["me", REDACTED], "names": ["user", "password"]}
    assert revive(redact("x", encode(login))) == ("me", REDACTED)
    assert revive(redact("x", encode([b"https://u:hunter2@h"]))) == [b"https://[redacted]@h"]
    for harmless in (encode(b"\x00plain\xff"), encode(collections.namedtuple("point", "x y")(1, "two"))):
        assert redact("x", harmless) is harmless


@pytest.mark.parametrize("name", ["https://u:hunter2@h/loss", f"loss of {SHAPES[1]}"])
def test_names_are_redacted_like_text(name, store):
    """A param, metric or tag named by a URL with a password, or by a token, does not carry it into the journal."""
    autolog.enable(backend=store, silent=True)
    with autolog.start_run(tags={name: 1}) as run:
        autolog.log_param(name, 1)
        autolog.set_tag(name, 1)
        for step in range(200):
            autolog.log_metric(name, 0.5, step=step)
        autolog.log_metrics({name: 0.5}, step=200)
    found = autolog.get_run(run.run_id)
    clean = redact_text(name)
    assert name != clean
    assert (list(found.params), list(found.metrics)) == ([clean], [clean])
    assert clean in found.tags
    assert len(found.history(clean)) == 201
    assert not [path for path in store.rglob("*") if path.is_file() and name.encode() in path.read_bytes()]
    with autolog.start_run(run_id=run.run_id):
        autolog.delete_tag(name)
    assert clean not in autolog.get_run(run.run_id).tags


def test_secrets_in_raw_values_do_not_reach_the_disk(store):
    """Bytes and named tuples among params and tags are redacted, and keep their type."""
    autolog.enable(backend=store, silent=True)
    login = collections.namedtuple("login", "user password")("me", "hunter2")
    with autolog.start_run() as run:
        autolog.log_params(
            {"url": b"https://u:hunter2@h", "login": login, "deep": [{"a": (login, b"password=hunter2")}]}
        )
        autolog.set_tag("url", b"https://u:hunter2@h")
    assert autolog.get_run(run.run_id).params["login"] == ("me", REDACTED)
    assert autolog.get_run(run.run_id).params["url"] == b"https://[redacted]@h"
    assert autolog.get_run(run.run_id).params["deep"] == [{"a": (("me", REDACTED), b"password=[redacted]")}]

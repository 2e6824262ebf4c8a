"""What looks like a secret is taken out of everything that is written; ordinary lines stay as they were."""

from __future__ import annotations

import json
import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchdog.text.redact import REDACTED, redact, redact_data

SECRET = "hunter2XyZ9w"


def made(alphabet: str, length: int, seed: int) -> str:
    """Never a literal token in the source: a scanner would take the test for a leak."""
    return "".join(random.Random(seed).choices(alphabet, k=length))


ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"

NAMED = [
    "password={}",
    "password: {}",
    "  db_password: {}",
    "DB_PASSWORD={}",
    "export DB_PASSWORD='{}'",
    'passwd = "{}"',
    "pwd={}",
    "PWD={};SERVER=tcp:db",
    'config = {{"password": "{}"}}',
    "Settings(user='kim', password='{}', port=1)",
    "Settings(password=SecretStr('{}'))",
    '{{\\"password\\": \\"{}\\"}}',
    "{{'api_key': '{}'}}",
    "apiKey: {}",
    "X-Api-Key: {}",
    "client_secret={}&grant_type=x",
    "clientSecret => '{}'",
    "SECRET_KEY = '{}'",
    "aws_secret_access_key = {}",
    "AccountKey={}==;EndpointSuffix=core",
    "access_token={}",
    '"refreshToken":"{}"',
    "session_id={}",
    "GET /cb?token={}&state=1 HTTP/1.1",
    "GET /x?sig={}&a=1",
    "GET /x?api_key={} 200",
    "X-Amz-Signature={}",
    "curl --token {} http://x",
    "serve --password {}",
    "serve --db-password={} --port 1",
    "['serve', '--password', '{}']",
    '["serve", "--api-key", "{}"]',
    "mysql -u root -p{} shop",
    "sshpass -p {} ssh x",
    "redis-cli -a {} ping",
    "curl -u kim:{} http://x/",
    "wget --user kim:{} http://x/",
    "machine db login kim password {}",
    "PGPASSWORD={} psql -h db",
    "host=db user=kim password={} dbname=x",
    "Server=db;User=kim;Password={};Timeout=3",
    "ldap bindpw={} port=1",
    "plink -pw {} host",
    "-o bindpw={}",
    "BINDPW={}",
    "rootpw = {}",
    "dbpass={}",
    "SMTP_PASS={}",
    "userpass={}&a=1",
    "password_prod={}",
    "PASSWORD1={}",
    "keytool -storepass {} -list",
    "ldapsearch -x -D cn=admin -w {} -b dc=x",
    "mongodump -u kim -p {} -d shop",
    "sqlcmd -S db -U sa -P {}",
    "mosquitto_pub -h mq -P {} -t a",
    "smbclient //h/s -U kim%{}",
    "http -a kim:{} http://x/",
    "openssl rsa -passin pass:{} -in key",
    "htpasswd -bc users kim {}",
    "Driver=x;Server=db;Uid=sa;Pwd={};",
    "https://x/cb#access_token={}",
    "postgres://kim:{}@db:5432/shop",
    "redis://:{}@cache:6379/0",
    "amqp://kim:{}@mq/",
    "mongodb+srv://kim:{}@a,b/shop?x=1",
    "https://kim:p@{}@host/x",
    "Authorization: Bearer {}",
    "authorization: Basic {}==",
    "Authorization: Token {}",
    'Authorization: Digest username="kim", response="{}"',
    "-H 'Authorization: Bearer {}'",
    "(b'authorization', b'Bearer {}')",
    "{{'Authorization': 'Bearer {}'}}",
    "Proxy-Authorization: Basic {}",
    "sent Bearer {}abcdef1234 to the API",
    "Cookie: theme=dark; sid={}",
    "Set-Cookie: session={}; HttpOnly",
    "{{'cookie': 'sid={}; theme=dark'}}",
    "<password>{}</password>",
    "password: |\n  {}\nuser: kim",
    'password="""{}"""',
    'password="a\\"{}"',
    "password=hun,{} user=kim",
    "auth=('kim', '{}')",
    "passphrase: {}",
    "credentials={}",
    "user kim gave the password: {}",
    "パスワード: {}",
    "-----BEGIN RSA PRIVATE KEY-----\n{0}\n{0}\n-----END RSA PRIVATE KEY-----",
    '"key": "-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n"',
    "-----BEGIN OPENSSH PRIVATE KEY-----\n{}",
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{}\n-----END ENCRYPTED PRIVATE KEY-----",
    "https://hooks.slack.com/services/T000/B000/{}",
    "https://discord.com/api/webhooks/123456/{}",
]

WHOLE_LINES = [  # only where a line holds nothing else
    "password: correct horse {} staple",
    "  - db_password: correct horse {} staple",
    "Authorization: Custom a {} b",
    "Cookie: a b {} c",
    "{}\n-----END EC PRIVATE KEY-----",
]

SHAPED = [
    "AKIA" + made(string.ascii_uppercase + string.digits, 16, 1),
    "ghp_" + made(ALNUM, 36, 2),
    "gho_" + made(ALNUM, 36, 3),
    "github_pat_" + made(ALNUM + "_", 60, 4),
    "glpat-" + made(ALNUM, 20, 5),
    "xoxb-" + made(string.digits, 12, 6) + "-" + made(ALNUM, 24, 7),
    "sk_live_" + made(ALNUM, 24, 8),
    "rk_test_" + made(ALNUM, 24, 9),
    "AIza" + made(ALNUM, 35, 10),
    "ya29." + made(ALNUM, 60, 11),
    "eyJ" + made(ALNUM, 20, 12) + ".eyJ" + made(ALNUM, 40, 13) + "." + made(ALNUM, 43, 14),
    "sk-" + made(ALNUM, 48, 15),
    "sk-proj-" + made(ALNUM, 48, 16),
    "sk-ant-api03-" + made(ALNUM, 40, 17),
    "npm_" + made(ALNUM, 36, 18),
    "pypi-" + made(ALNUM, 60, 19),
    "SG." + made(ALNUM, 22, 20) + "." + made(ALNUM, 43, 21),
    "hf_" + made(ALNUM, 34, 22),
    "dop_v1_" + made(HEX, 64, 23),
    "shpat_" + made(HEX, 32, 24),
    "hvs." + made(ALNUM, 24, 25),
    "123456789:AA" + made(ALNUM, 33, 26),
    "whsec_" + made(ALNUM, 32, 27),
    "dckr_pat_" + made(ALNUM, 27, 28),
]

PLACES = ["{}", "2026-01-31 03:00:12 ERROR shop.views {} (pid 42)", '{{"level": "info", "message": "{}"}}']

ORDINARY = """\
2026-01-31 03:00:12,345 INFO shop.views order 4711 took 0.123 s
127.0.0.1 - - [31/Jan/2026:03:00:12 +0000] "GET /api/items?page=3&sort=name HTTP/1.1" 200 1234
127.0.0.1 - - [31/Jan/2026:03:00:12 +0000] "POST /token HTTP/1.1" 401 17
10.0.0.5:51234 - "GET /login HTTP/1.1" 200 OK
INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)
[2026-01-31 03:00:12 +0000] [4242] [INFO] Booting worker with pid: 4242
[2026-01-31 03:00:12 +0000] [4200] [CRITICAL] WORKER TIMEOUT (pid:4242)
[ERROR] Worker (pid:4242) was sent SIGKILL! Perhaps out of memory?
Traceback (most recent call last):
  File "/srv/shop/server.py", line 30, in withdraw
    with cash_lock:
KeyError: 'user'
ValueError: invalid literal for int() with base 10: 'abc'
django.db.utils.OperationalError: database is locked
psycopg2.OperationalError: connection to server at "10.0.0.5", port 5432 failed: Connection refused
json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)
SyntaxError: Unexpected token < in JSON at position 0
loaded model nllb-200 in 8.009 s, memory 83.4% -> 88.3%
max_tokens=4096 temperature=0.7 model=gpt-4o-mini
tokens: 512 in, 2048 out
total_tokens: 2560
token count 512 exceeds limit 400
password_file=/run/secrets/db
passwords do not match
Password is required
password: required
the password must be changed every 90 days
wrong password for user kim
secret manager is not configured
the cookie banner was shown 3 times
no cookies were set
authorization failed for kim
authorization: denied
basic checks passed
bearer of bad news
key=user:42 cached for 60 s
primary_key=42 table=orders
keyboard interrupt
PWD=/srv/shop
cd /srv/shop && pwd
session opened for user root by (uid=0)
process 4242 state S wchan futex_wait_queue
cpu 12.3% rss 48000000 threads 12 fds 30/1024
connect to postgres://db:5432/shop timed out
connect to redis://cache:6379/0 refused
https://docs.python.org/3/library/asyncio-task.html#coroutines
see http://example.com/a/b?c=d&e=f#g
mail from kim@example.com to lee@example.com accepted
git clone git@github.com:kim/shop.git
ssh kim@host.example.com
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
commit 7c4a8d09ca3762af61e59520943dc26494f8941b fixes the deadlock
request_id=550e8400-e29b-41d4-a716-446655440000 status=200
trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7
identity 5f1c7a1e-2b7f-4f6e-9b1a-0c7d7e0b1d2a:4242:123456789
pip install scikit-learn sk-learn-contrib
task-queue-worker-number-7-has-finished-its-work
desk-lamp-controller-firmware-update-2026-done
eyJ is the beginning of many things
-----
----- cut here -----
-- a comment in SQL
python -m uvicorn shop:app --port 8000 --reload
gunicorn backend.main:app --workers 3 --timeout 300 --max-requests 1000
mysql -u root -h db shop
curl -s http://localhost:8000/api/health
docker run -p 8000:8000 shop
redis-cli -h cache ping
kill -9 4242
systemctl restart shop.service
{"level": "info", "message": "started", "port": 8000, "pid": 4242}
{'user': 'kim', 'id': 42, 'active': True, 'token': None}
password=None
password=***
secret: null
api_key=${API_KEY}
token=<hidden>
Compiling regexes... done in 0.02s
GC: gen2 collected 123 objects in 0.5 s
lock order: stock_lock, then cash_lock
thread withdraw holds stock_lock and wants cash_lock
await chain: main -> gather -> fetch -> recv
memory.full.avg10=1.50 cpu.some.avg10=3.20
disk /: 8% free, 12345 inodes
SELECT * FROM tokens WHERE user_id = 42
INSERT INTO sessions VALUES (1, 2, 3)
tokenizer=bert-base-uncased
the server was asked for /secret-garden and answered 404
2026-01-31T03:00:12.12Z shop recovered in 12.3s
auth module loaded
author: Kim
csrf check passed
otp not configured
pin: none
sid bus attached
[INFO] opening /srv/shop/pass/through/file.txt
compass: north
bypass: on
bypass=on compass=north
12 tests pass: 12 fail: 0
password_policy=strict
cp -p a b
mkdir -p /srv/shop/data
lines 1-10 of 200
SKU 123456 is out of stock
http://127.0.0.1:8000/api/users/@me
ERROR root: [Errno 24] Too many open files: '/srv/shop/data.csv'
"""


@pytest.mark.parametrize("form", NAMED)
@pytest.mark.parametrize("place", PLACES[:2])
def test_a_secret_with_a_name_is_taken_out(form: str, place: str) -> None:
    planted = place.format(form.format(SECRET))
    assert SECRET not in redact(planted), redact(planted)


@pytest.mark.parametrize("form", WHOLE_LINES)
def test_a_line_that_is_a_secret_goes_to_its_end(form: str) -> None:
    assert SECRET not in redact(f"first\n{form.format(SECRET)}\nlast")
    assert redact(f"first\n{form.format(SECRET)}\nlast").endswith("last")


@pytest.mark.parametrize("token", SHAPED, ids=lambda token: token[:8])
@pytest.mark.parametrize("place", PLACES)
def test_a_token_is_known_by_its_makers_shape(token: str, place: str) -> None:
    assert token not in redact(place.format(token))


def test_what_stands_around_a_secret_stays() -> None:
    assert redact("db=postgres://kim:pw12@db:5432/shop ready") == f"db=postgres://kim:{REDACTED}@db:5432/shop ready"
    assert redact(f"serve --password {SECRET} --port 80") == f"serve --password {REDACTED} --port 80"
    assert redact(f'{{"password": "{SECRET}", "user": "kim"}}') == f'{{"password": "{REDACTED}", "user": "kim"}}'
    assert redact(f"GET /cb?token={SECRET}&state=1 HTTP/1.1") == f"GET /cb?token={REDACTED}&state=1 HTTP/1.1"
    assert redact(f"password={SECRET},user=kim") == f"password={REDACTED},user=kim"


def test_ordinary_lines_stay_as_they_are() -> None:
    lines = ORDINARY.splitlines()
    changed = [line for line in lines if redact(line) != line]
    assert len(changed) < len(lines) / 100, changed


def test_a_line_of_source_that_gets_something_called_session_stays() -> None:
    for line in ("session = self.take()", "session = await pool.get(5)", "token = self._token", "jwt = decode(text)"):
        assert redact(line) == line
    assert redact('token = "abcd1234efgh"') == f'token = "{REDACTED}"'


def test_redacting_twice_changes_nothing_more() -> None:
    for form in NAMED:
        once = redact(form.format(SECRET))
        assert redact(once) == once


def test_json_stays_json() -> None:
    text = json.dumps({"password": SECRET, "a": [{"token": SECRET, "n": 1}], "url": f"x://k:{SECRET}@h", "ok": True})
    found = json.loads(redact(text))
    assert found["password"] == REDACTED and found["a"][0] == {"token": REDACTED, "n": 1} and found["ok"] is True


def test_data_is_redacted_by_its_keys_and_flags() -> None:
    found = redact_data(
        {
            "password": SECRET,
            "DB_PASSWORD": SECRET,
            "accessToken": SECRET,
            "cmdline": ["serve", "--password", SECRET, "--port", "80", f"--token={SECRET}"],
            "words": ("--api-key", SECRET),
            "nested": [{"headers": {"Authorization": f"Bearer {SECRET}", "Cookie": f"a={SECRET}"}}],
            "tokens": 5,
            "token": None,
            "signature": "lock-deadlock|server.py:withdraw",
            "pid": 42,
        }
    )
    assert SECRET not in json.dumps(found)
    assert found["cmdline"][3:5] == ["--port", "80"] and isinstance(found["words"], tuple)
    assert found["signature"] == "lock-deadlock|server.py:withdraw" and found["pid"] == 42 and found["token"] is None


@pytest.mark.parametrize(
    "words",
    [
        ["/usr/bin/mysql", "-u", "root", f"-p{SECRET}", "shop"],
        ["sshpass", "-p", SECRET, "ssh", "db"],
        ["redis-cli", "-a", SECRET, "ping"],
        ["curl", "-u", f"kim:{SECRET}", "http://x/"],
        ["ldapsearch", "-D", "cn=a b", "-w", SECRET],
        ["ldapd", f"bindpw={SECRET}"],
        ["serve", "--db-password", SECRET],
        ["serve", "-H", f"X-Api-Key: {SECRET}"],
        ["serve", f"postgres://kim:{SECRET}@db/shop"],
    ],
    ids=" ".join,
)
def test_a_secret_in_the_words_of_a_command_is_taken_out(words: list[str]) -> None:
    found = redact_data({"cmdline": words})["cmdline"]
    assert SECRET not in json.dumps(found)
    assert len(found) == len(words) and found[0] == words[0] and SECRET not in redact(" ".join(words))


def test_data_that_holds_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert redact_data(loop)


@pytest.mark.same_everywhere("gives thousands of inputs to code that asks no system")
@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400))
def test_no_text_breaks_it(text: str) -> None:
    redact(text)
    assert redact_data({text: [text]}) is not None


HOSTILE = {
    "names": "password=" * 15_000,
    "open quotes": "password=\"'" * 10_000,
    "backslashes": "password=" + "\\" * 120_000,
    "dashes": "-" * 120_000,
    "blanks": "password" + " " * 120_000,
    "begins": "-----BEGIN X-----" * 7_000,
    "half begins": "-----BEGIN " * 10_000,
    "base64 and an end": "A" * 120_000 + "-----END ",
    "colons": "://a:" + "@" * 120_000,
    "commands": "curl -u " * 15_000,
    "web token": "eyJaaaaaaaa." * 10_000,
    "cookies": "cookie=a;" * 13_000,
    "one letter": "a" * 120_000,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    redact(text)  # a pattern that backtracks would need minutes

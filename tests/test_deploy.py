"""The files in deploy/: what can be said of them without the services that read them."""

from __future__ import annotations

import inspect
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
import yaml

from relay_project.serve import OPTIONS
from tests.support.nginx import HOST
from tests.support.server import ROOT, free_port
from tools.services import find_redis

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "relay@.service"


def run(
    *command: str | Path, cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": f"{os.environ['PATH']}:/usr/sbin", "LANG": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def need(program: str, package: str) -> None:
    """Skips the test where that program is not installed, but not in CI."""
    if shutil.which(program) is None:
        assert "CI" not in os.environ, f"CI needs {program}"
        pytest.skip(f"no {program}: apt-get install --no-install-recommends {package}")


class TestUnit:
    @pytest.fixture(autouse=True)
    def _systemd(self) -> None:
        need("systemd-analyze", "systemd")

    def test_its_exposure_is_small(self) -> None:
        done = run("systemd-analyze", "security", "--offline=true", "--threshold=25", UNIT)
        assert done.returncode == 0, done.stdout + done.stderr
        found = re.search(r"Overall exposure level for relay@i.service: ([0-9.]+)", done.stdout)
        assert found, done.stdout
        assert float(found[1]) <= 2.5

    def test_systemd_understands_each_line(self, tmp_path: Path) -> None:
        unit = tmp_path / UNIT.name
        unit.write_text(UNIT.read_text().replace("/opt/relay", str(ROOT)))
        done = run("systemd-analyze", "verify", "--man=no", unit)
        assert (done.returncode, done.stderr) == (0, "")


class TestSettings:
    """relay.env, read by relay-manage."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        key = "'" + "k3y/+" * 12 + "'"
        file = tmp_path / "relay.env"
        text = (DEPLOY / "relay.env").read_text()
        assert text.count("SECRET_KEY=''") == 1
        file.write_text(text.replace("SECRET_KEY=''", f"SECRET_KEY={key}"))
        return file

    @staticmethod
    def check(file: Path) -> subprocess.CompletedProcess[str]:
        return run(
            DEPLOY / "relay-manage",
            *("check", "--deploy", "--fail-level", "WARNING"),
            SETTINGS_FILE=str(file),
        )

    def test_django_has_nothing_to_say_against_them(self, file: Path) -> None:
        done = self.check(file)
        assert (done.returncode, done.stderr) == (0, "")

    def test_it_would_have_without_https(self, file: Path) -> None:
        text = file.read_text()
        file.write_text(text.replace("HTTPS_ONLY='on'", "HTTPS_ONLY='off'"))
        done = self.check(file)
        assert done.returncode == 1
        for warning in ("W004", "W012", "W016"):  # HSTS, and the cookies of sessions and forms
            assert f"security.{warning}" in done.stderr

    def test_each_is_documented(self) -> None:
        documented = (ROOT / "docs" / "operate" / "settings.md").read_text()
        names = re.findall(r"(?m)^(\w+)=", (DEPLOY / "relay.env").read_text())
        assert "DATABASE_URL" in names
        assert [name for name in names if f"`{name}`" not in documented] == []

    def test_systemd_and_the_shell_read_each_line_alike(self) -> None:
        lines = (DEPLOY / "relay.env").read_text().splitlines()
        values = [line for line in lines if line and not line.startswith("#")]
        assert [line for line in values if not re.fullmatch(r"\w+='[^'\\$`]*'", line)] == []


class TestNginx:
    """Its times beside Uvicorn's, which nobody changes."""

    @staticmethod
    def seconds(name: str) -> int:
        found = re.findall(rf"(?m)^ *{name} (\d+)s;", (DEPLOY / "nginx.conf").read_text())
        assert len(found) == 1
        return int(found[0])

    @staticmethod
    def uvicorn(name: str) -> int:
        assert f"--{name.replace('_', '-')}" not in OPTIONS
        default = inspect.signature(uvicorn.Config).parameters[name].default
        assert isinstance(default, int | float)
        return int(default)

    def test_it_waits_for_three_pings(self) -> None:
        assert self.seconds("proxy_read_timeout") >= 3 * self.uvicorn("ws_ping_interval")

    def test_it_uses_no_connection_that_the_relay_is_about_to_close(self) -> None:
        assert self.seconds("keepalive_timeout") < self.uvicorn("timeout_keep_alive")


@pytest.mark.parametrize("name", ["Caddyfile", "Caddyfile.tikfinity"])
def test_caddy_understands_its_file(name: str) -> None:
    need("caddy", "caddy")
    done = run(
        *("caddy", "validate", "--config", DEPLOY / name, "--adapter", "caddyfile"),
        RELAY="https://relay.example",
    )
    assert done.returncode == 0, done.stderr
    assert "Valid configuration" in done.stdout + done.stderr


def test_the_socket_is_the_same_everywhere() -> None:
    socket = "/run/relay/1/relay.sock"
    nginx = (DEPLOY / "nginx.conf").read_text()
    assert f"    server unix:{socket} max_fails=0;\n" in nginx
    assert f"    # server unix:{socket.replace('/1/', '/2/')} max_fails=0;\n" in nginx
    assert f"unix/{socket}" in (DEPLOY / "Caddyfile").read_text()
    unit = UNIT.read_text()
    assert f"--uds {socket.replace('/1/', '/%i/')}\n" in unit
    assert "RuntimeDirectory=relay/%i\n" in unit


class TestContainers:
    CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
    COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    # What the images of others have in them, by their documentation.
    PROGRAMS = {
        "postgres": {"pg_isready"},
        "valkey": {"valkey-server", "valkey-cli"},
        "caddy": {"wget"},
    }

    def copied(self) -> list[str]:
        """What the image gets of the project."""
        lines = re.findall(r"(?m)^COPY (?!--from)(.+)$", self.CONTAINERFILE)
        return [path for line in lines for path in line.split()[:-1]]

    def test_what_is_copied_is_part_of_the_project(self) -> None:
        tracked = run("git", "ls-files", "--cached", *self.copied()).stdout.splitlines()
        for path in self.copied():
            assert any(name == path or name.startswith(f"{path}/") for name in tracked), path

    def test_the_image_has_all_that_the_server_needs(self, tmp_path: Path) -> None:
        for path in self.copied():
            source = ROOT / path
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "node_modules")
                shutil.copytree(source, tmp_path / path, ignore=ignored)
            else:
                shutil.copy(source, tmp_path / path)
        (tmp_path / ".venv").symlink_to(ROOT / ".venv")
        database = f"sqlite:///{tmp_path}/db.sqlite3"
        settings = {"SECRET_KEY": "of the tests", "DATABASE_URL": database}
        migrate = self.COMPOSE["services"]["migrate"]["command"]
        done = run(*migrate, cwd=tmp_path, **settings)
        assert done.returncode == 0, done.stderr
        ask = (
            "import relay_project.asgi; from django.test import Client;"
            "c = Client(headers={'host': 'localhost'});"
            "print(*(c.get(path).status_code for path in "
            "['/login/', '/docs/', '/static/live/relay.css', '/api/v1/docs']))"
        )
        done = run(tmp_path / ".venv/bin/python", "-c", ask, cwd=tmp_path, **settings)
        assert done.stdout.split() == ["200"] * 4, done.stdout + done.stderr

    def test_its_steps_are_commands_that_tests_run(self) -> None:
        steps = re.findall(r"(?m)^RUN (.+)$", self.CONTAINERFILE)
        assert steps[0] == "make .venv/run.stamp"  # as `make run` does
        assert all(step.startswith(".venv/bin/python -m compileall ") for step in steps[1:])
        command = json.loads(re.findall(r"(?m)^CMD (.+)$", self.CONTAINERFILE)[0])
        assert command[:3] == [".venv/bin/python", "-m", "relay_project.serve"]

    def test_it_is_not_root_and_writes_nowhere(self) -> None:
        user = re.findall(r"(?m)^USER (.+)$", self.CONTAINERFILE)
        assert len(user) == 1
        assert not user[0].startswith(("0", "root"))
        for service in self.COMPOSE["services"].values():
            assert service["read_only"] is True
        assert self.COMPOSE["x-relay"]["cap_drop"] == ["ALL"]

    def test_each_service_is_asked_how_it_is(self) -> None:
        services = self.COMPOSE["services"]
        for name, service in services.items():
            if name != "migrate":
                kind, program, *_ = service["healthcheck"]["test"]
                assert kind == "CMD"
                assert program in self.PROGRAMS.get(name, {".venv/bin/python"})
        code = services["relay1"]["healthcheck"]["test"][-1]
        compile(code, "healthcheck", "exec")
        assert "http://127.0.0.1:8000/healthz" in code

    def test_names_that_services_call_each_other_by_exist(self) -> None:
        services = self.COMPOSE["services"]
        for service in services.values():
            assert service.get("depends_on", {}).keys() <= services.keys()
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                named = source in self.COMPOSE["volumes"]
                assert named or (DEPLOY / source).is_file(), volume
        upstreams = services["caddy"]["environment"]["UPSTREAMS"].split()
        assert upstreams
        relays = {name for name in services if re.fullmatch(r"relay\d+", name)}
        assert relays == {"relay1", "relay2"}
        assert {upstream.removesuffix(":8000") for upstream in upstreams} == relays
        assert relays <= services["caddy"]["depends_on"].keys()
        settings = services["relay1"]["environment"]
        assert urlsplit(settings["REDIS_URL"]).hostname in services
        assert settings["DATABASE_URL"].partition("@")[2].split("/")[0] in services

    def test_all_processes_have_the_same_settings(self) -> None:
        services = self.COMPOSE["services"]
        assert services["relay1"] == services["relay2"]
        assert services["relay1"]["environment"]["REDIS_URL"]

    def test_its_redis_starts_with_these_options(self, tmp_path: Path) -> None:
        program = find_redis()
        assert program, "apt-get install redis-server"
        _name, *options = self.COMPOSE["services"]["valkey"]["command"]
        where = ("--port", str(free_port()), "--bind", "127.0.0.1", "--dir", str(tmp_path))
        server = subprocess.Popen([program, *options, *where], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            said = itertools.takewhile(lambda line: "Ready to accept" not in line, server.stdout)
            assert "".join(said).count("FATAL") == 0
            assert server.poll() is None
        finally:
            server.terminate()
            server.communicate()
        assert list(tmp_path.iterdir()) == []  # it has kept nothing

    def test_django_has_nothing_to_say_against_its_settings(self) -> None:
        settings = self.COMPOSE["services"]["relay1"]["environment"]
        given = {"SITE": HOST, "SOURCE_URL": "https://git.example/relay"}
        given |= {"SECRET_KEY": "k3y/+" * 12, "POSTGRES_PASSWORD": "of0the1tests"}

        def fill(match: re.Match[str]) -> str:
            name, _, default = match[1].partition(":")
            return given[name] if default == "?" else given.get(name, default.removeprefix("-"))

        filled = {name: re.sub(r"\$\{([^}]+)\}", fill, settings[name]) for name in settings}
        command = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")
        done = run(sys.executable, *command, cwd=ROOT, **filled)
        assert (done.returncode, done.stderr) == (0, "")
        subnet = self.COMPOSE["networks"]["default"]["ipam"]["config"][0]["subnet"]
        assert settings["TRUSTED_PROXIES"] == subnet

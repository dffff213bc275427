"""A client of yaml-language-server: just enough of the protocol to ask what an editor shows."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

NODE = Path(__file__).parents[2] / ".venv" / "node"
PROGRAM = NODE / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
_PUBLISHED = "textDocument/publishDiagnostics"
PATIENCE = 60
"""Seconds for one answer; what is usual is a few hundredths of one."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What the editor underlines; line and column count from 1, as patchspec's do."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Completion:
    """One entry of the list that the editor offers."""

    label: str
    text: str
    documentation: str


class Server:
    """The running server. `schemas` maps a schema's file to the glob of the documents it is for."""

    def __init__(self, schemas: Mapping[Path, str]) -> None:
        self._settings = {
            "validate": True,
            "completion": True,
            "hover": True,
            "schemaStore": {"enable": False},
            "schemas": {file.as_uri(): glob for file, glob in schemas.items()},
        }
        self._process = subprocess.Popen(
            ["node", str(PROGRAM), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._ids = count(1)
        threading.Thread(target=self._listen, daemon=True).start()
        capabilities = {
            "workspace": {"configuration": True},
            "textDocument": {
                "completion": {"completionItem": {"snippetSupport": True}},
                "hover": {"contentFormat": ["markdown"]},
            },
        }
        values = {"processId": None, "rootUri": None, "capabilities": capabilities}
        self._ask("initialize", values)
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": {"yaml": self._settings}})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ask("shutdown", None)
        self._tell("exit", None)
        self._process.wait(PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def diagnostics(self, text: str, folder: str = "patch") -> list[Diagnostic]:
        """What is underlined in a document of this text, in document order."""
        uri = self._open(text, folder)
        said: dict[str, Any] = {}
        while said.get("method") != _PUBLISHED or said["params"]["uri"] != uri:
            said = self._answers.get(timeout=PATIENCE)
        found = [
            Diagnostic(d["range"]["start"]["line"] + 1, d["range"]["start"]["character"] + 1,
                       d["message"])
            for d in said["params"]["diagnostics"]
        ]  # fmt: skip
        return sorted(found, key=lambda d: (d.line, d.column))

    def completions(self, text: str, folder: str = "patch") -> list[Completion]:
        """What is offered where `|` stands in the text, in the order that the editor shows."""
        said = self._ask_at("textDocument/completion", text, folder) or []
        items = said["items"] if isinstance(said, dict) else said
        items.sort(key=lambda item: item.get("sortText") or item["label"])
        return [
            Completion(
                item["label"],
                (item.get("textEdit") or {}).get("newText") or item.get("insertText", ""),
                _text(item.get("documentation", "")),
            )
            for item in items
        ]

    def labels(self, text: str, folder: str = "patch") -> list[str]:
        """The labels of what is offered where `|` stands."""
        return [completion.label for completion in self.completions(text, folder)]

    def hover(self, text: str, folder: str = "patch") -> str:
        """What is shown over the word that begins where `|` stands, as Markdown."""
        said = self._ask_at("textDocument/hover", text, folder)
        return _text(said["contents"]) if said else ""

    def _ask_at(self, method: str, marked: str, folder: str) -> Any:
        before, mark, after = marked.partition("|")
        assert mark, "the text has no `|`"
        uri = self._open(before + after, folder)
        lines = before.split("\n")
        place = {"line": len(lines) - 1, "character": len(lines[-1])}
        return self._ask(method, {"textDocument": {"uri": uri}, "position": place})

    def _open(self, text: str, folder: str) -> str:
        uri = f"file:///{folder}/{next(self._ids)}.patchspec.yaml"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def _ask(self, method: str, params: Any) -> Any:
        number = next(self._ids)
        self._send({"id": number, "method": method, "params": params})
        while True:
            said = self._answers.get(timeout=PATIENCE)
            if said.get("id") == number and "method" not in said:
                assert "error" not in said, said
                return said["result"]

    def _tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, said: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **said}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _listen(self) -> None:
        """Sort what arrives: requests of the server are answered here, the rest is kept."""
        out = self._process.stdout
        assert out is not None
        while header := out.readline():
            while (line := out.readline()).strip():
                header += line
            length = int(header.lower().partition(b"content-length:")[2].split()[0])
            said = json.loads(out.read(length))
            if "method" in said and "id" in said:
                self._send({"id": said["id"], "result": self._configuration(said)})
            else:
                self._answers.put(said)

    def _configuration(self, said: dict[str, Any]) -> Any:
        if said["method"] != "workspace/configuration":
            return None
        wanted = [item["section"] for item in said["params"]["items"]]
        return [self._settings if section == "yaml" else None for section in wanted]


def _text(said: Any) -> str:
    return said if isinstance(said, str) else str(said["value"])

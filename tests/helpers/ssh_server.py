"""An SSH server on loopback, whose commands run in a shell here."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncssh


@contextmanager
def ssh_server(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield asyncssh options to connect to a server that accepts one key."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(folder / "key"))
    key.write_public_key(str(folder / "key.pub"))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        keys = {"server_host_keys": [key], "authorized_client_keys": str(folder / "key.pub")}
        return await asyncssh.listen("127.0.0.1", 0, process_factory=_run, **keys)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    try:
        known = asyncssh.import_known_hosts(f"* {key.export_public_key().decode()}")
        yield {
            "port": server.get_port(),
            "client_keys": [str(folder / "key")],
            "known_hosts": known,
            "username": "somebody",
        }
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _run(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Run a command as a server does: what it started ends with the connection."""
    with subprocess.Popen(  # noqa: ASYNC220 - pipes of asyncio stay open after a connection that ends
        process.command or "true",
        shell=True,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as shell:
        try:
            await process.redirect(stdout=shell.stdout, stderr=shell.stderr)
            while shell.poll() is None and not process.is_closing():  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.05)
            await process.stdout.drain()
            process.exit(shell.poll() or 0)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)


async def _end(server: asyncssh.SSHAcceptor) -> None:
    server.close()
    await server.wait_closed()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)

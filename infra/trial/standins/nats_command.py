"""Replaces the nats command where it can't be had; of it, it knows what infra/README.md uses, and `pub`.

The broker is at localhost:4222. A backup has a folder for each stream: its configuration, and the broker's own snapshot.
"""

import asyncio
import json
import pathlib
import sys

import nats
import nats.errors

API = "$JS.API.STREAM"
CHUNK = 128 * 1024
PATIENCE = 20  # seconds
TRIES = 3


async def ask(broker, subject, body=None):
    answer = await broker.request(subject, json.dumps(body or {}).encode(), timeout=PATIENCE)
    said = json.loads(answer.data or b"{}")
    if "error" in said:
        raise SystemExit(f"nats: {subject}: {said['error']['description']}")
    return said


async def names(broker):
    return (await ask(broker, f"{API}.NAMES"))["streams"] or []


async def back_up(broker, folder):
    for stream in await names(broker):
        place = folder / stream
        place.mkdir(parents=True, exist_ok=True)
        inbox = broker.new_inbox()
        parts = await broker.subscribe(inbox)
        request = {"deliver_subject": inbox, "chunk_size": CHUNK, "no_consumers": False}
        about = await ask(broker, f"{API}.SNAPSHOT.{stream}", request)
        with (place / "snapshot").open("wb") as file:
            while (part := await parts.next_msg(timeout=PATIENCE)).data:
                file.write(part.data)
                if part.reply:
                    await broker.publish(part.reply)
            # The end is an empty message; if its status is not 204, the broker has given up before.
            status = (part.headers or {}).get("Status", "204")
            if status != "204":
                raise SystemExit(f"nats: the snapshot of {stream} ended with {status}")
        (place / "stream.json").write_text(json.dumps({"config": about["config"], "state": about["state"]}))
        await parts.unsubscribe()


async def restore(broker, folder):
    for place in sorted(folder.iterdir()):
        # The broker gives up when no part arrives for some seconds, as on a busy machine.
        for _ in range(TRIES):
            if await restored(broker, place):
                break
        else:
            raise SystemExit(f"nats: the broker has given up restoring {place.name}, {TRIES} times")


async def restored(broker, place):
    about = json.loads((place / "stream.json").read_text())
    to = (await ask(broker, f"{API}.RESTORE.{place.name}", about))["deliver_subject"]
    snapshot = (place / "snapshot").read_bytes()
    parts = [snapshot[at : at + CHUNK] for at in range(0, len(snapshot), CHUNK)]
    for part in [*parts, b""]:
        try:
            answer = await broker.request(to, part, timeout=PATIENCE)
        except nats.errors.NoRespondersError:
            return False
        said = json.loads(answer.data) if answer.data.startswith(b"{") else {}
        if "error" in said:
            raise SystemExit(f"nats: restoring {place.name}: {said['error']['description']}")
    return True


async def main(words):
    broker = await nats.connect("nats://localhost:4222")
    match words:
        case ["account", "backup", "--force", folder]:
            await back_up(broker, pathlib.Path(folder))
        case ["account", "restore", folder]:
            await restore(broker, pathlib.Path(folder))
        case ["stream", "ls", "--all", "--names"]:
            print("\n".join(await names(broker)))
        case ["stream", "rm", "--force", stream]:
            await ask(broker, f"{API}.DELETE.{stream}")
        case ["pub", subject, text]:
            await broker.publish(subject, text.encode())
            await broker.flush()
        case _:
            raise SystemExit(f"nats: this stand-in does not know: {' '.join(words)}")
    await broker.close()


asyncio.run(main(sys.argv[1:]))

# pip install websockets
# python hear.py
import asyncio
import json

from websockets.asyncio.client import connect


async def main() -> None:
    async with connect("ws://127.0.0.1:8000/ws/TOKEN?wait=1", max_size=None) as socket:
        async for text in socket:
            frame = json.loads(text)
            data = frame["data"]
            match frame["type"]:
                case "connected":
                    print(f"@{data['username']} is live", flush=True)
                case "comment":
                    print(f"{data['user']['nickname']}: {data['text']}", flush=True)
                case "error":
                    print(f"{data['title']}. {data['detail']}", flush=True)


asyncio.run(main())

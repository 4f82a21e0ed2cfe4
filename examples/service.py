"""A student behind HTTP: POST /predict {"text": "..."}, GET /health; on 127.0.0.1 unless told.

pip install fastapi httptools uvloop uvicorn      # beside rosearch[onnx]
MODEL=model/ uvicorn --app-dir examples --no-access-log service:app
"""

import asyncio
import os

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from rosearch.models.open import open_classifier
from rosearch.serve.asked import Refused, asked_in, check_kind, read_body

MODEL, BATCH, WAITING = open_classifier(os.environ["MODEL"]), 32, 500
waiting: list[tuple[object, asyncio.Future[list[float]]]] = []  # texts, with their answers to come
app = FastAPI()


def answer() -> None:
    """Answer what waits in one batch, in the loop's thread: one core gains nothing from more."""
    batch, waiting[:] = waiting[:BATCH], waiting[BATCH:]
    if waiting:
        asyncio.get_running_loop().call_soon(answer)
    rows = MODEL.probabilities([text for text, _ in batch]).tolist()
    for (_, told), row in zip(batch, rows, strict=True):
        told.cancelled() or told.set_result(row)


@app.post("/predict")
async def predict(request: Request) -> JSONResponse:
    check_kind(request.headers.get("content-type", ""))
    asked = asked_in(await read_body(request, 65_536), pairs=False)
    if len(waiting) >= WAITING:
        raise Refused(429, "too many texts are waiting; ask again in a moment")
    loop = asyncio.get_running_loop()
    waiting.append((asked.text, told := loop.create_future()))
    if len(waiting) == 1:
        loop.call_soon(answer)  # after all that came with it
    return JSONResponse(dict(zip(MODEL.label_names, await told, strict=True)))


@app.get("/health")
async def health() -> JSONResponse:
    return JSONResponse({"labels": MODEL.label_names, "waiting": len(waiting)})


@app.exception_handler(Refused)
async def refuse(_: Request, refused: Refused) -> JSONResponse:
    return JSONResponse({"error": str(refused)}, refused.status)

"""Trains Keras models on data that stays where it is.

    from cloud_node_explora import connect

    explora = connect("https://pool.example", repo="clinics", token="eyJ…")
    session = explora.submit(model, batch_size=32, epochs=1, max_rounds=20, percentage_averaged=0.75)
    session.watch()
    session.metrics()
    trained = session.model()
"""

from .client import Explora, connect
from .errors import EvaluationNotDone, ExploraError, HashMismatch, NoAnswer, PoolError, SessionNotCompleted
from .job import JobSettings
from .models import UploadedModel
from .session import Session
from .events import Event

__version__ = "0.1.0"
__all__ = [
    "EvaluationNotDone",
    "Event",
    "Explora",
    "ExploraError",
    "HashMismatch",
    "JobSettings",
    "NoAnswer",
    "PoolError",
    "Session",
    "SessionNotCompleted",
    "UploadedModel",
    "connect",
]

"""What a client does with the model it is sent: next to nothing, but never the same as another client."""

from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

app = ClientApp()


def num_examples(index: int) -> int:
    """Weight of a client in the average."""
    return 1 + index % 5


def shift(index: int) -> float:
    """What a client adds to every parameter. All differ: the SuperLink stores equal arrays only once."""
    return (1 + index) / 1024


@app.train()
def train(message: Message, context: Context) -> Message:
    """Answer with an update as large as the model."""
    index = int(context.node_config["partition-id"])
    arrays = message.content["arrays"].to_numpy_ndarrays()
    for array in arrays:
        array += shift(index)
    content = RecordDict(
        {
            "arrays": ArrayRecord(arrays),
            "metrics": MetricRecord({"num-examples": num_examples(index)}),
        }
    )
    return Message(content=content, reply_to=message)

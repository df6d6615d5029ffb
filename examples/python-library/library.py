"""A Library in Python, written from docs/protocol.md alone: NumPy trains, plain HTTP does the rest.

    API_KEY=cnk_… python library.py --url http://127.0.0.1:8080 --id clinic-7 --dataset mnist --data mnist-7.npz

The file has the arrays `x` (examples first) and `y` (as the model's output: one-hot for classes). They stay here; what
leaves is how many there are, metrics, and updates. It trains Sequential models of Dense layers by SGD.
"""
import argparse, hashlib, json, os, random, struct, threading, time, urllib.error, urllib.request, uuid
import numpy as np

ACTIVATIONS = {  # The value, and from it the derivative.
    "linear": (lambda z: z, lambda a: 1),
    "relu": (lambda z: np.maximum(z, 0), lambda a: a > 0),
    "tanh": (np.tanh, lambda a: 1 - a * a),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    "softmax": (lambda z: (e := np.exp(z - z.max(1, keepdims=True))) / e.sum(1, keepdims=True), None),
}
LOSSES = {  # With the activation of the last layer for which the gradient is simply output − label.
    "categoricalCrossentropy": ("softmax", lambda p, y: -np.sum(y * np.log(p + 1e-7), 1)),
    "binaryCrossentropy": ("sigmoid", lambda p, y: -np.mean(y * np.log(p + 1e-7) + (1 - y) * np.log(1 - p + 1e-7), 1)),
}
OVER = {"round_closed", "assignment_over", "not_assigned", "update_already_received", "session_ended", "session_not_found"}


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Pool:
    def __init__(self, url, api_key, library_id):
        self.url, self.headers = url.rstrip("/"), {"Authorization": f"Bearer {api_key}", "Library-Id": library_id}

    def call(self, method, path, body=None, until=float("inf")):
        """Repeats the request until there is an answer that is final."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = "application/vnd.cloud-node.frame" if isinstance(body, bytes) else "application/json"
        request = urllib.request.Request(self.url + path, data, {**self.headers, "Content-Type": kind}, method=method)
        for failures in range(1_000_000):
            problem = {}
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.read()
            except OSError as error:
                try:  # An answer of the pool, of a proxy, or none.
                    problem = json.loads(error.read())["error"] if isinstance(error, urllib.error.HTTPError) else {}
                except (ValueError, KeyError, TypeError, OSError):
                    pass
                if not problem.get("retryable", True):
                    raise Refused(problem["code"], problem["message"]) from None
                wait = min(20, 0.5 * 2 ** min(failures, 6)) * random.uniform(0.1, 1) + problem.get("retryAfterMs", 0) / 1000
                if time.monotonic() + wait > until:
                    raise
                time.sleep(wait)


class Dense:
    """The layers of a topology; their parameters are one flat vector."""

    def __init__(self, topology, inputs):
        config = topology.get("model_config", topology)
        if config["class_name"] != "Sequential":
            raise ValueError("this Library trains Sequential models only")
        self.activations, self.shapes = [], []
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "InputLayer":
                continue
            if layer["class_name"] != "Dense" or not layer["config"].get("use_bias", True):
                raise ValueError(f"this Library trains Dense layers with a bias, not {layer['class_name']}")
            self.activations.append(layer["config"].get("activation") or "linear")
            self.shapes.append((inputs, layer["config"]["units"]))
            inputs = layer["config"]["units"]

    def layers(self, flat):
        """Kernels and biases as views of the vector: what is written to them is written to it."""
        at = 0
        for rows, columns in self.shapes:
            end = at + rows * columns
            yield flat[at:end].reshape(rows, columns), flat[end : end + columns]
            at = end + columns

    def forward(self, flat, x):
        outputs = [x]
        for (kernel, bias), activation in zip(self.layers(flat), self.activations):
            outputs.append(ACTIVATIONS[activation][0](outputs[-1] @ kernel + bias))
        return outputs

    def step(self, flat, x, y, rate):
        outputs = self.forward(flat, x)
        slope = (outputs[-1] - y) / (len(x) if self.activations[-1] == "softmax" else y.size)
        for i, (kernel, bias) in reversed(list(enumerate(self.layers(flat)))):
            below = slope @ kernel.T
            kernel -= rate * (outputs[i].T @ slope)
            bias -= rate * slope.sum(0)
            if i > 0:
                slope = below * ACTIVATIONS[self.activations[i - 1]][1](outputs[i])

    def score(self, flat, x, y, loss):
        made = self.forward(flat, x)[-1]
        right = made.argmax(1) == y.argmax(1) if y.shape[1] > 1 else (made > 0.5) == (y > 0.5)
        return {"loss": float(np.mean(LOSSES[loss][1](made, y))), "accuracy": float(np.mean(right))}


def check(data, parameters):
    step = parameters["shardParams"] * 4
    digests = [hashlib.sha256(data[at : at + step]).digest() for at in range(0, len(data), step)]
    root = hashlib.sha256(b"".join(digests)).hexdigest()
    if [digest.hex() for digest in digests] != parameters["shards"] or root != parameters["sha256"]:
        raise ValueError("what was downloaded does not have the hashes of the version")


def train(model, start, x, y, params, check_assignment):
    """The trained vector. Begins with a fresh optimizer, which SGD does without."""
    if params["optimizer"]["type"] != "sgd" or LOSSES.get(params["loss"], [0])[0] != model.activations[-1]:
        raise ValueError(f"this Library has no {params['optimizer']['type']} with {params['loss']} for such a model")
    local = start.copy()
    for _ in range(params["epochs"]):
        order = np.random.permutation(len(x)) if params["shuffle"] else np.arange(len(x))
        for at in range(0, len(x), params["batchSize"]):
            rows = order[at : at + params["batchSize"]]
            model.step(local, x[rows], y[rows], params["optimizer"]["learningRate"])
        check_assignment()
    return local


def make_update(pool, assignment, x, y, check_assignment):
    """The frame of an update."""
    if assignment["encoding"] != "f32":
        raise ValueError(f"this Library does not write {assignment['encoding']}")
    session, loss = f"/v1/library/sessions/{assignment['sessionId']}", assignment["hyperparams"]["loss"]
    data = pool.call("GET", f"{session}/versions/{assignment['version']}/weights")
    check(data, assignment["parameters"])
    start = np.frombuffer(data, "<f4")
    model = Dense(json.loads(pool.call("GET", f"/v1/library/topologies/{assignment['topologySha256']}")), x.shape[1])
    evaluation = model.score(start, x, y, loss) if assignment["evaluate"] else None
    local = train(model, start, x, y, assignment["hyperparams"], check_assignment)
    delta, clip = local - start, assignment["clipNorm"]
    norm = float(np.linalg.norm(delta.astype("f8")))
    if clip is not None and norm > clip:
        delta *= clip / norm * (1 - 2.0**-20)
    if not np.all(np.isfinite(delta)) or np.abs(delta).max() > assignment["maxMagnitude"]:
        raise ValueError("training went wrong: lower the learning rate, or look at the data")
    header = {**key_of(assignment), "updateId": str(uuid.uuid4()), "numExamples": len(x)}
    header |= {"metrics": model.score(local, x, y, loss), "evaluation": evaluation}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"CNF1" + struct.pack("<I", len(text)) + text + delta.astype("<f4").tobytes()


def key_of(assignment):
    return {name: assignment[name] for name in ("sessionId", "round", "attempt")}


def run(pool, dataset, x, y):
    joined = {"datasets": [{"datasetId": dataset, "numExamples": len(x)}]}
    status, done = json.loads(pool.call("POST", "/v1/library/join", joined)), None
    print(json.dumps({"ready": True, "numExamples": len(x)}), flush=True)

    def beat():
        nonlocal status
        while True:
            time.sleep(status["heartbeatMs"] / 1000)
            status = json.loads(pool.call("POST", "/v1/library/heartbeat", {}))

    def check_assignment():
        if status["assignment"] is None or key_of(status["assignment"]) != done:
            raise Refused("assignment_over", "the round is over")

    (heart := threading.Thread(target=beat, daemon=True)).start()
    while heart.is_alive():  # It ends when the pool refuses it: the key was revoked, for example.
        assignment = status["assignment"]
        if assignment is None or assignment["state"] == "received" or key_of(assignment) == done:
            time.sleep(0.1)
            continue
        done, outcome, until = key_of(assignment), "received", time.monotonic() + assignment["remainingMs"] / 1000
        try:
            pool.call("POST", "/v1/library/assignment/accept", done, until)
            pool.call("PUT", "/v1/library/update", make_update(pool, assignment, x, y, check_assignment), until)
        except Exception as error:
            outcome = str(error)
            if getattr(error, "code", None) not in OVER:
                try:
                    pool.call("POST", "/v1/library/assignment/fail", {**done, "reason": outcome[:500]}, until)
                except (Refused, OSError):
                    pass
        print(json.dumps({"round": assignment["round"], "outcome": outcome}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--dataset", default="data")
    parser.add_argument("--id", required=True, help="stays the same for ever")
    parser.add_argument("--data", required=True, help="an .npz with x and y")
    options = parser.parse_args()
    with np.load(options.data) as file:
        x, y = (file[name].reshape(len(file[name]), -1).astype("f4") for name in ("x", "y"))
    run(Pool(options.url, os.environ["API_KEY"], options.id), options.dataset, x, y)

"""Requests: texts in OpenAI's form, KServe's protocol, verbs, and who may ask."""

import json
import math

import httpx2 as httpx
import numpy as np
import pytest
from served import serving
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import elman
from elman.serve.limits import Limits


@pytest.fixture
def client(service):
    with httpx.Client(base_url=service.url) as found:
        yield found


def written(writer, prompt: str, length: int, **options) -> str:
    return "".join(writer.generate(prompt, length=length, temperature=1.0, **options))


# /v1/completions


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_text_is_that_of_generate_with_the_same_seed(service, writer, is_streamed):
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="none") as client:
        asked = {"model": "writer", "prompt": "The owl", "max_tokens": 50, "seed": 3, "stream": is_streamed}
        answer = client.completions.create(**asked)
        if is_streamed:
            events = list(answer)
            text = "".join(event.choices[0].text for event in events)
            finish = events[-1].choices[0].finish_reason
            assert max(len(event.choices[0].text) for event in events) <= 8
        else:
            text, finish = answer.choices[0].text, answer.choices[0].finish_reason
            assert answer.usage.completion_tokens == 50
    assert text == written(writer, "The owl", 50, seed=3)
    assert finish == "length"


def test_several_texts_at_once(client, writer):
    body = {"prompt": ["The", "In a"], "max_tokens": 20, "n": 2, "seed": 5, "echo": True}
    answer = client.post("/v1/completions", json=body).json()
    expected = [p + written(writer, p, 20, seed=5 + k) for p in ("The", "In a") for k in range(2)]
    assert [choice["text"] for choice in answer["choices"]] == expected


def test_a_text_ends_before_a_stop_text_even_across_tokens(client, writer):
    whole = written(writer, "The", 60, seed=1)
    stop = whole[20:23]
    body = {"prompt": "The", "max_tokens": 60, "seed": 1, "stop": ["\u2603", stop]}
    (choice,) = client.post("/v1/completions", json=body).json()["choices"]
    assert choice["text"] == whole[: whole.index(stop)]
    assert choice["finish_reason"] == "stop"


def test_log_probabilities_stand_beside_the_tokens(client):
    body = {"prompt": "The", "max_tokens": 8, "temperature": 0, "logprobs": 3}
    (choice,) = client.post("/v1/completions", json=body).json()["choices"]
    found = choice["logprobs"]
    assert "".join(found["tokens"]) == choice["text"]
    for own, top in zip(found["token_logprobs"], found["top_logprobs"], strict=True):
        assert len(top) == 3
        assert own == max(top.values())
        assert sum(map(math.exp, top.values())) <= 1 + 1e-5


def test_no_tokens_are_no_text(client):
    (choice,) = client.post("/v1/completions", json={"max_tokens": 0}).json()["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("", "length")


BAD_TEXTS = [
    ({"temperature": -1}, 400, "temperature"),
    ({"max_tokens": 10**6}, 400, "max_tokens must be at most 4096"),
    ({"n": 99}, 400, "n: "),
    ({"prompt": ["a"] * 17}, 400, "at most 16 texts"),
    ({"presence_penalty": 1}, 400, "presence_penalty"),
    ({"model": "nobody"}, 404, "no run is called 'nobody'; known: writer, detector, tagger"),
    ({"model": "detector"}, 400, "a run of anomaly-detection writes no text"),
    ([], 400, ""),
]


@pytest.mark.parametrize(("body", "status", "told"), BAD_TEXTS)
def test_a_request_that_breaks_a_rule_is_told(client, body, status, told):
    answer = client.post("/v1/completions", json=body)
    assert answer.status_code == status
    assert told in answer.json()["error"]["message"]


def test_slots_are_given_back_when_a_client_goes_away(tasks):
    limits = Limits(streams=1, tokens=10**6)
    with serving({"writer": tasks["writer"]}, limits) as small, httpx.Client(base_url=small.url) as client:
        body = {"prompt": "The", "max_tokens": 10**6, "stream": True}
        with client.stream("POST", "/v1/completions", json=body) as answer:
            lines = answer.iter_lines()
            next(lines)
            refused = client.post("/v1/completions", json={"prompt": "The"})
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
        for _ in range(200):
            found = client.post("/v1/completions", json={"prompt": "The"})
            if found.status_code == 200:
                break
        assert found.status_code == 200


# KServe


def inferred(client, x, model="tagger", datatype="FP32", **parameters):
    x = np.asarray(x)
    body = {
        "inputs": [
            {"name": "input", "shape": list(x.shape), "datatype": datatype, "data": x.ravel().tolist()}
        ],
        "parameters": parameters,
    }
    return client.post(f"/v2/models/{model}/infer", json=body)


def values(answer) -> np.ndarray:
    (output,) = answer.json()["outputs"]
    return np.array(output["data"]).reshape(output["shape"])


def test_a_sequence_in_requests_equals_the_whole(client):
    rows = np.random.default_rng(2).normal(size=(12, 2))
    whole = values(inferred(client, rows))
    first = values(inferred(client, rows[:5], sequence_id=7, sequence_start=True))
    alone = values(inferred(client, rows[5:]))
    rest = values(inferred(client, rows[5:], sequence_id=7, sequence_end=True))
    np.testing.assert_array_equal(np.concatenate([first, rest]), whole)
    assert not np.array_equal(alone, rest)
    assert "no sequence 7 is open" in inferred(client, rows, sequence_id=7).json()["error"]


def test_tritons_client_is_answered(service, tagger):
    triton = pytest.importorskip("tritonclient.http", reason="tritonclient is not installed")
    rows = np.random.default_rng(2).normal(size=(6, 2)).astype(np.float32)
    client = triton.InferenceServerClient(service.url.removeprefix("http://"))
    assert client.is_server_live()
    assert client.is_model_ready("tagger")
    assert client.get_model_metadata("tagger")["inputs"][0]["shape"] == [-1, 2]
    for is_binary in (False, True):
        given = triton.InferInput("input", list(rows.shape), "FP32")
        given.set_data_from_numpy(rows, binary_data=is_binary)
        output = triton.InferRequestedOutput("output", binary_data=is_binary)
        found = client.infer("tagger", [given], outputs=[output], sequence_id=3, sequence_start=True)
        (expected,) = tagger.predict_proba([rows])
        np.testing.assert_allclose(np.exp(found.as_numpy("output")), expected, atol=1e-5)
    client.close()


BAD_INFERENCES = [
    ({}, "one input"),
    ({"inputs": []}, "one input"),
    (
        {"inputs": [{"name": "input", "shape": [2, 3], "datatype": "FP32", "data": [0] * 6}]},
        "shape must be [T, 2]",
    ),
    ({"inputs": [{"name": "input", "shape": [2, 2], "datatype": "FP32", "data": [0]}]}, "and 1 values"),
    (
        {"inputs": [{"name": "input", "shape": [1, 2], "datatype": "BYTES", "data": [0, 0]}]},
        "datatype must be",
    ),
    ({"inputs": [{"name": "input", "shape": [-1, 2], "datatype": "FP32", "data": []}]}, "positive whole"),
    (
        {"inputs": [{"name": "input", "shape": [1, 2], "datatype": "FP32", "data": ["a", "b"]}]},
        "numbers of FP32",
    ),
    (
        {"inputs": [{"name": "input", "shape": [1, 2], "datatype": "FP32", "data": [[0, [1]]]}]},
        "numbers of FP32",
    ),
]


@pytest.mark.parametrize(("body", "told"), BAD_INFERENCES)
def test_an_inference_that_breaks_a_rule_is_told(client, body, told):
    answer = client.post("/v2/models/tagger/infer", json=body)
    assert answer.status_code == 400
    assert told in answer.json()["error"]


# verbs


def test_a_verb_answers_as_its_command_does(client, writer, detector, tmp_path):
    answer = client.post("/v1/generate", json={"prompt": "The", "length": 20, "seed": 2})
    assert answer.json()["text"] == "".join(writer.generate("The", length=20, seed=2))
    table = "x0,x1\n" + "\n".join(f"{math.sin(k / 5)},{math.sin(k / 9)}" for k in range(80))
    answer = client.post("/v1/detect", json={"data": [{"name": "new.csv", "content": table}]})
    (tmp_path / "new.csv").write_text(table)
    verb = detector.verb(data=tmp_path / "new.csv")
    assert answer.json() == json.loads(json.dumps(verb.json(detector)))


BAD_VERBS = [
    ("generate", {"length": "x"}, "length"),
    ("generate", {"data": [{"name": "a", "content": ""}]}, "reads no files"),
    ("generate", {"overwrite": True}, "unknown option 'overwrite'; known: prompt, length"),
    ("detect", {}, "data must hold a file"),
    ("detect", {"stream": True}, "unknown option 'stream'"),
    ("detect", {"plot": "/tmp/x.png"}, "unknown option 'plot'"),
    ("detect", {"data": "/etc/passwd"}, "data must be a list"),
    ("detect", {"data": [{"name": "../x.csv", "content": "a"}]}, "a file's name without a folder"),
    ("detect", {"data": [{"name": "x.csv"}]}, "must hold content or base64"),
    ("detect", {"data": [{"name": "x.csv", "base64": "%"}]}, "not valid text or base64"),
    ("detect", {"data": [{"name": "x.csv", "content": "q,r\n1,2\n"}]}, "x.csv: "),
    ("tag", {"model": "writer"}, "its verb is generate"),
]


@pytest.mark.parametrize(("verb", "body", "told"), BAD_VERBS)
def test_a_verb_that_cannot_be_answered_is_told(client, verb, body, told):
    answer = client.post(f"/v1/{verb}", json=body)
    assert answer.status_code in (400, 404)
    assert told in answer.json()["error"]["message"]
    assert "elman-serve-" not in answer.text


# who may ask


def test_health_metrics_and_the_description(client):
    assert client.get("/v2/health/ready").json() == {"ready": True}
    counted = client.get("/metrics").text
    assert 'elman_steps_total{model="tagger"}' in counted
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/completions", "/v1/detect", "/v2/models/{model}/infer"} <= paths.keys()


def test_the_front_is_the_page_of_a_language_model(client):
    front = client.get("/")
    assert front.headers["content-type"].startswith("text/html")
    assert "<h1>writer</h1>" in front.text
    assert client.get("/", params={"model": "detector"}).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ({"host": "evil.example"}, 421, "not called"),
        ({"origin": "https://evil.example"}, 403, "pages of https://evil.example"),
        ({"origin": "null"}, 403, "pages of null"),
    ],
)
def test_pages_of_other_sites_may_not_call(service, client, headers, status, told):
    answer = client.get("/v1/models", headers=headers)
    assert answer.status_code == status
    assert told in answer.json()["error"]["message"]
    if "origin" in headers:
        with pytest.raises(InvalidStatus) as refused, connect(service.stream, origin=headers["origin"]):
            pass
        assert refused.value.response.status_code == status


def test_the_services_own_page_and_named_origins_may(tasks):
    one = {"detector": tasks["detector"]}
    with serving(one, origins=("https://good.example",)) as known, httpx.Client(base_url=known.url) as client:
        for origin in (known.url, "https://good.example"):
            assert client.get("/v1/models", headers={"origin": origin}).status_code == 200


def test_a_token_is_asked_of_everybody(tasks):
    with serving({"writer": tasks["writer"]}, token="secret") as closed:
        with httpx.Client(base_url=closed.url) as client:
            assert client.get("/v2/health/live").status_code == 200
            for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}):
                assert client.get("/v1/models", headers=headers).status_code == 401
            assert client.get("/v1/models", headers={"authorization": "Bearer secret"}).status_code == 200
        with pytest.raises(InvalidStatus), connect(closed.stream):
            pass
        with connect(closed.stream, subprotocols=["elman.v1", "elman.token.secret"]) as socket:
            assert socket.subprotocol == "elman.v1"


def test_large_requests_are_refused(tasks):
    limits = Limits(message_bytes=1000)
    with serving({"writer": tasks["writer"]}, limits) as small, httpx.Client(base_url=small.url) as client:
        assert client.post("/v1/generate", json={"prompt": "a" * 2000}).status_code == 413
        body = (b'{"prompt": "' + b"a" * 2000 + b'"}' for _ in range(1))  # without a length
        assert client.post("/v1/generate", content=body).status_code == 413


def test_more_requests_than_may_wait_are_refused(tasks):
    limits = Limits(waiting=1, tokens=10**6)
    with serving({"writer": tasks["writer"]}, limits) as small, httpx.Client(base_url=small.url) as client:
        with client.stream("POST", "/v1/completions", json={"max_tokens": 10**6, "stream": True}) as first:
            lines = first.iter_lines()
            next(lines)
            refused = client.post("/v1/completions", json={})
        assert refused.status_code == 429


def test_limits_are_checked():
    with pytest.raises(elman.InputError, match="streams"):
        Limits(streams=0)

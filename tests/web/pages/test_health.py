from tests.web.harness import Serving, get


def test_healthy_whatever_the_samples() -> None:
    """Liveness is 200 even while there is no sample."""
    with Serving(unready=lambda: "no sample yet") as serving:
        reply = get(serving.address, "/-/healthy")
    assert (reply.status, reply.body) == (200, b"OK\n")


def test_ready_follows_the_reason() -> None:
    """Readiness is 503 with the reason in one line while there is one, then 200."""
    reasons = ["the newest sample is 20 s old", None]
    with Serving(unready=lambda: reasons.pop(0)) as serving:
        before, after = (get(serving.address, "/-/ready") for _ in range(2))
    assert (before.status, before.body) == (503, b"the newest sample is 20 s old\n")
    assert (after.status, after.body) == (200, b"OK\n")
    assert before.headers["cache-control"] == "no-store"

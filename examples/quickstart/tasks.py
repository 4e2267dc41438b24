"""The quickstart: `cardoon worker tasks:app -p 2` in one terminal, `python tasks.py` in another."""

from cardoon import Cardoon

app = Cardoon("shop", url="sqlite:///jobs.db")


@app.task(retry_for=OSError, max_retries=5, queue="images")
def resize(path: str, width: int = 800) -> str:
    """Say where the smaller picture would lie."""
    name, dot, kind = path.rpartition(".")
    return f"{name}-{width}{dot}{kind}"


if __name__ == "__main__":
    job = resize.delay("cat.jpg", width=300)
    print(job.get(timeout=10))

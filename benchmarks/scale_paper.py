"""What 100 million and a billion images take, worked out from measured costs of one.

    python -m benchmarks.scale_paper

Prints the tables of docs/scale.md. Change the costs to those of your own machines: each names the command
that measures it. Prices, and the rate of a GPU, are assumed.
"""

from dataclasses import dataclass

HOUR, US, GB = 3600.0, 1e-6, 1e9
CORE_HOUR, GPU_HOUR, GB_HOUR, GB_MONTH, PERSON_HOUR = 0.04, 1.0, 0.005, 0.02, 20.0  # dollars, assumed
CORES = 256  # of the cluster: 16 machines of 16
DIMENSIONS, K, CODED = 384, 20, 200


@dataclass(frozen=True)
class Costs:
    """Of one image: microseconds of one processor, bytes of memory or disk; 10 classes."""

    list: float = 19  # benchmarks.scale
    commit: float = 227  # benchmarks.scale
    lay_out: float = 4  # benchmarks.scale
    cluster: float = 100  # benchmarks.scale: what Ray adds, less than its noise
    decode: float = 2900  # benchmarks.scale: a JPEG of 500 pixels
    bundled: float = 2600  # benchmarks.scale
    vit_small: float = 124_000  # benchmarks.scale
    gpu: float = 1000  # assumed: 1,000 images/s of a ViT-S/16
    graph_at_million: float = 160  # benchmarks.knn_graph million, memory-mapped
    propagate: float = 144  # benchmarks.memory
    query: float = 19  # benchmarks.memory
    audit: float = 71  # benchmarks.memory
    propagate_bytes: float = 1222  # benchmarks.memory
    query_bytes: float = 1816
    audit_bytes: float = 1333
    database_bytes: float = 365  # benchmarks.scale
    decision: float = 2.0  # seconds of a person


MEASURED = Costs()


@dataclass(frozen=True)
class Step:
    """One step at one size; `hours` are by the clock, `held` is memory of one machine, in gigabytes."""

    name: str
    where: str
    hours: float
    held: float
    dollars: float


def steps(n: float, costs: Costs = MEASURED) -> list[Step]:
    """Every step for n images."""
    graph = costs.graph_at_million * (n / 1e6) ** 0.2  # the exponent of docs/benchmarks.md, with a margin
    codes = n * (CODED / 2 + 8)
    return [
        _serial("list the images", n * costs.list, 1),
        _spread("embed, bundled", n * (costs.decode + costs.bundled + costs.cluster), 1),
        _spread("embed, ViT-S/16 on CPUs", n * (costs.decode + costs.vit_small + costs.cluster), 1),
        _gpus("embed, ViT-S/16 on 16 GPUs", n, costs),
        _serial("commit, meanwhile", n * costs.commit, 1),
        _serial("lay out", n * 2 * costs.lay_out, 1),
        _spread("code and search the graph", n * graph, 2 * codes / GB),
        _alone("propagate", n * costs.propagate, n * costs.propagate_bytes),
        _alone("query 1,000", n * costs.query, n * costs.query_bytes),
        _alone("audit", n * costs.audit, n * costs.audit_bytes),
        Step(
            "review 10,000",
            "people",
            1e4 * costs.decision / HOUR,
            0,
            1e4 * costs.decision / HOUR * PERSON_HOUR,
        ),
    ]


def _serial(name: str, microseconds: float, held: float) -> Step:
    hours = microseconds * US / HOUR
    return Step(name, "one process", hours, held, hours * CORE_HOUR)


def _spread(name: str, microseconds: float, held: float) -> Step:
    hours = microseconds * US / HOUR
    return Step(name, f"{CORES} cores", hours / CORES, held, hours * CORE_HOUR)


def _gpus(name: str, n: float, costs: Costs) -> Step:
    hours, reading = n * costs.gpu * US / HOUR, n * (costs.decode + costs.cluster) * US / HOUR
    slowest = max(hours / 16, reading / CORES)
    return Step(name, f"16 GPUs, {CORES} cores", slowest, 1, hours * GPU_HOUR + reading * CORE_HOUR)


def _alone(name: str, microseconds: float, held: float) -> Step:
    """On one machine of 16 cores that holds it all: memory is what is paid for."""
    hours = microseconds * US / HOUR / 16
    return Step(
        name, "one machine, 16 cores", hours, held / GB, hours * (16 * CORE_HOUR + held / GB * GB_HOUR)
    )


def disk(n: float, costs: Costs = MEASURED) -> dict[str, float]:
    """Gigabytes on shared storage."""
    return {
        "vectors, and embeddings in the order of paths": 2 * 2 * DIMENSIONS * n / GB,
        "graph, and the one under way": 2 * 8 * K * n / GB,
        "index, and the one under way": 2 * (CODED / 2 + 8) * n / GB,
        "probabilities, 10 classes": 4 * 10 * n / GB,
        "database": costs.database_bytes * n / GB,
    }


def main() -> None:
    """Print a table for each size."""
    for n in (1e8, 1e9):
        print(
            f"\n### {n:,.0f} images\n\n| step | where | hours | memory, GB | dollars |\n|---|---|---|---|---|"
        )
        for step in steps(n):
            hours, held = f"{step.hours:,.2f}", f"{step.held:,.0f}"
            print(f"| {step.name} | {step.where} | {hours} | {held} | {step.dollars:,.0f} |")
        stored = disk(n)
        print("\n| on disk | GB |\n|---|---|")
        for name, size in stored.items():
            print(f"| {name} | {size:,.0f} |")
        total = sum(stored.values())
        print(f"| all, {total * GB_MONTH:,.0f} dollars a month | {total:,.0f} |")


if __name__ == "__main__":
    main()

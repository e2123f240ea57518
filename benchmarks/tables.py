"""Writes the tables of README.md and of pages in docs/ from the result files, each between two marks.

python benchmarks/tables.py
"""

import json
import re
from pathlib import Path
from typing import Any

from common import MAX_OTHERS_SHARE, OTHERS

HERE = Path(__file__).parent


def main() -> None:
    """Rewrite the pages' tables; a result without a file is marked as not measured."""
    docs = HERE.parent / "docs"
    for page in (HERE / "README.md", docs / "cold.md", docs / "scale-encoding.md", docs / "scale-training.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(r"<!-- results: (\S+) -->.*?<!-- end -->", _section, text, flags=re.S), encoding="utf-8")


def _section(match: re.Match[str]) -> str:
    name = match[1]
    path = HERE / "results" / f"{name}.json"
    body = _table(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else "Not measured yet."
    return f"<!-- results: {name} -->\n{body}\n<!-- end -->"


def _table(result: dict[str, Any]) -> str:
    kinds = {
        "growth": _growth,
        "floor": _floor,
        "request": _request,
        "serving": _serving,
        "serving_index": _serving_index,
        "refit_rule": _refit_rule,
        "refresh": _refresh,
        "verdict_power": _verdict_power,
        "time_to_quality": _time_to_quality,
        "presets": _presets,
        "presets_windows": _presets,
        "order": _order,
        "order_temporal": _order,
        "gowalla": _gowalla,
        "losses": _losses,
        "cosine_search": _cosine_search,
        "distillation": _distillation,
        "cold": _cold,
        "encoding": _encoding,
        "distributed": _distributed,
    }
    rows = kinds.get(result["benchmark"], _comparisons)(result)
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result.get("versions", {}).items())
    about = [f"{result['setting']}.", f"{machine}{'; ' + versions if versions else ''}."]
    measured = [*result.get("comparisons", []), *result.get("rows", [])]
    busy = max((row.get("notes", {}).get(OTHERS, 0.0) for row in measured), default=0.0)
    if busy > MAX_OTHERS_SHARE:
        about.append(f"Other processes used up to {busy:.0%} of the cores during a timing: measure again.")
    return "\n".join([*about, "", *rows])


def _comparisons(result: dict[str, Any]) -> list[str]:
    lines = [
        "| work | against | its median, s | LLMInit's, s | ratio | target | timings a side | peak memory |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for row in result["comparisons"]:
        target = f"{row['target']:g}x" if row["target"] else ""
        memory = " / ".join(row["notes"].get("peak memory, peer and LLMInit", []))
        lines.append(
            f"| {row['what']} | {row['peer']} | {row['peer_median']:.3f} | {row['median']:.3f} | "
            f"**{row['ratio']:.1f}x** | {target} | {len(row['seconds'])} | {memory} |"
        )
    return lines


def _verdict_power(result: dict[str, Any]) -> list[str]:
    shares = [name for name in result["simulated"][0] if name not in ("noise", "truth")]
    lines = [f"| what is true | {' | '.join(shares)} |", f"|---|{'--:|' * len(shares)}"]
    for row in result["simulated"]:
        cells = " | ".join(f"{row[name]:.1%}" for name in shares)
        lines += [f"| {row['truth']} | {cells} |"]
    return lines


def _time_to_quality(result: dict[str, Any]) -> list[str]:
    rows = sorted(result["rows"], key=lambda row: float(row["seconds"]))
    return ["| method | seconds of training | recall@10 | ndcg@10 |", "|---|--:|--:|--:|"] + [
        f"| {row['method']} | {row['seconds']:.2f} | {row['recall@10']:.4f} | {row['ndcg@10']:.4f} |" for row in rows
    ]


def _presets(result: dict[str, Any]) -> list[str]:
    return ["| data | preset | recall@10 | ndcg@10 |", "|---|---|--:|--:|"] + [
        f"| {row['data']} | `{row['preset']}` | {_spread(row, 'recall@10')} | {_spread(row, 'ndcg@10')} |"
        for row in result["rows"]
    ]


def _order(result: dict[str, Any]) -> list[str]:
    return ["| data | learned from | recall@10 | ndcg@10 |", "|---|---|--:|--:|"] + [
        f"| {row['data']} | {row['way']} | {_spread(row, 'recall@10')} | {_spread(row, 'ndcg@10')} |"
        for row in result["rows"]
    ]


def _gowalla(result: dict[str, Any]) -> list[str]:
    lines = [
        "| model | options | epochs | seconds of training | recall@20 | ndcg@20 |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for row in result["rows"]:
        options = ", ".join(f"{name}={value}" for name, value in row["options"].items())
        numbers = f"{row['recall@20']:.4f} | {row['ndcg@20']:.4f}"
        lines.append(f"| {row['model']} | `{options}` | {row['epochs']} | {row['seconds']:.0f} | {numbers} |")
    published = result["published"]
    lines.append(f"| LightGCN, published | | | | {published['recall@20']:.4f} | {published['ndcg@20']:.4f} |")
    of_recbole = [row["seconds of an epoch of RecBole's"] for row in result["rows"] if row["model"].startswith("Light")]
    search = result["rows"][0]["seconds of the search"]
    by_ratio = f"by that ratio RecBole's LightGCN takes {of_recbole[0]:.0f} s an epoch"
    lines += ["", f"The search took {search:.0f} s; {by_ratio}."]
    return lines


def _cold(result: dict[str, Any]) -> list[str]:
    losses = list(result["rows"][0]["at"])
    heads = " | ".join(f"at {float(loss):.0%} loss" for loss in losses)
    lines = [
        f"| way | seeds | warm recall@10 | cold among cold | {heads} | share of lists | most shown |",
        f"|---|--:|--:|--:|{'--:|' * len(losses)}--:|--:|",
    ]
    for row in result["rows"]:
        name = row["name"] if row["side"] == "others" else f"`{row['side']}`, {row['name']}"
        recalls = " | ".join(f"{row['at'][loss]:.4f} ± {row['sd'][loss]:.4f}" for loss in losses)
        shown = f"{row['share_of_lists']:.1%} | {row['most_shown']:.1%}"
        lines.append(
            f"| {name} | {row['n_seeds']} | {row['warm']:.4f} | {row['among_cold']:.4f} | {recalls} | {shown} |"
        )
    return lines


def _encoding(result: dict[str, Any]) -> list[str]:
    lines = ["| what | LLMInit | against | ratio | target |", "|---|--:|--:|--:|--:|"]
    for row in result["comparisons"]:
        theirs, ours = row["notes"]["texts a second, peer and LLMInit"]
        cells = f"{ours:.0f} | {theirs:.0f} | **{row['ratio']:.2f}x** | {row['target']:g}x |"
        lines.append(f"| two workers against {row['peer']}, texts a second | {cells}")
    endpoint, memory = result["endpoint"], result["memory"]
    served = endpoint["what it can serve, texts a second"]
    lines.append(
        f"| of what an endpoint can serve, texts a second | {served * endpoint['share']:.0f} | {served:.0f} | "
        f"**{endpoint['share']:.0%}** | {endpoint['target']:.0%} |"
    )
    for row in memory["rows"]:
        beyond = row["beyond"] / 2**30
        lines.append(f"| {row['n_items']:,} made items, memory beyond the libraries, GiB | **{beyond:.2f}** | | | |")
    extrapolated = f"**{memory['extrapolated']:.2f}** | | | {memory['target']:g} |"
    return [*lines, f"| {memory['n_extrapolated']:,} items, extrapolated, GiB | {extrapolated}"]


def _losses(result: dict[str, Any]) -> list[str]:
    lines = [
        "| data | loss | options | epochs | valid ndcg@10 | recall@10 | ndcg@10 | ndcg@10 less the softmax's |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in result["rows"]:
        options = ", ".join(f"{name}={value}" for name, value in row["options"].items() if name != "loss")
        means = " | ".join(f"{row[name]:.4f}" for name in ("valid", "recall@10", "ndcg@10"))
        gain = f"{row['ndcg@10 gain']:+.4f} ± {row['ndcg@10 gain sd']:.4f}"
        cells = f"`{options}` | {row['epochs']:.1f} | {means} | {'' if row['loss'] == 'softmax' else gain}"
        lines.append(f"| {row['data']} | {row['loss']} | {cells} |")
    return lines


def _cosine_search(result: dict[str, Any]) -> list[str]:
    return [
        "| data | preset | d | kept by cosine | kept, form `cosine` | recall@10 | by cosine | form `cosine` |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ] + [
        f"| {row['data']} | `{row['preset']}` | {row['d']} | {row['kept']:.1%} | {row['kept, cosine form']:.1%} | "
        f"{row['dot']:.4f} | {row['cosine']:.4f} | {row['cosine form']:.4f} |"
        for row in result["rows"]
    ]


def _distillation(result: dict[str, Any]) -> list[str]:
    lines = [
        "| data | model | s | recall@10 | ndcg@10 | new users' recall@10 | new users' ndcg@10 |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in result["rows"]:
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.0f}"
        names = ("recall@10", "ndcg@10", "new recall@10", "new ndcg@10")
        lines.append(
            f"| {row['data']} | {row['what']} | {seconds} | {' | '.join(f'{row[name]:.4f}' for name in names)} |"
        )
    return lines


def _spread(row: dict[str, Any], metric: str) -> str:
    return f"{row[metric]:.4f} ± {row[f'{metric} sd']:.4f}"


def _floor(result: dict[str, Any]) -> list[str]:
    rates = ", ".join(f"{name} {value:.0f}" for name, value in result["rates"].items())
    lines = [
        f"Rates: {rates}.",
        "",
        "| step of | gathered, MiB | products, GFLOP | hops, ms | Adam, ms | products, ms | floor, ms | step, ms | |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in result["steps"]:
        times = [*row["parts"].values(), row["floor"], row["step"]]
        lines.append(
            f"| {row['backbone']} | {row['MiB gathered']:.0f} | {row['GFLOP']:.2f} | "
            f"{' | '.join(f'{time:.2f}' for time in times)} | {row['ratio']:.1f}x the floor |"
        )
    return lines


def _growth(result: dict[str, Any]) -> list[str]:
    lines = [
        "| interactions | users | items | epoch, s | step, ms | edges that a step reads | timings | peak memory |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in result["rows"]:
        counts = f"| {row['n_interactions']:,} | {row['n_users']:,} | {row['n_items']:,} "
        step = 1000 * row["median"] / row["n_steps"]
        memory = row["peak_bytes"] / 2**30
        times = f"{row['median']:.2f} | {step:.1f} | {row['share_of_edges']:.1%} | {len(row['seconds'])}"
        lines.append(f"{counts}| {times} | {memory:.2f} GiB |")
    growth = [f"{part['from']:,} to {part['to']:,}: {part['to_linear']:.2f}x linear" for part in result["growth"]]
    return [*lines, "", f"Growth of an epoch's time: {'; '.join(growth)}."]


def _distributed(result: dict[str, Any]) -> list[str]:
    lines = [
        "| batch a rank | one process, pairs/s | ranks, pairs/s | ratio | target | KB sent a step | by the formula |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in result["rows"]:
        one, several = row["medians"]
        counted, formula = (
            row["bytes that a rank sends in a step, counted"] / 1000,
            row["the same, by the formula, every row distinct"] / 1000,
        )
        rates = f"{one:,.0f} | {several:,.0f} | {row['ratio']:.2f}x | {result['target']}x"
        lines.append(f"| {row['batch a rank']:,} | {rates} | {counted:,.0f} | {formula:,.0f} |")
    return lines


def _serving(result: dict[str, Any]) -> list[str]:
    targets, kills = result["targets"], result["kills"]
    rows = [
        f"| {row['service']} | {row['requests_per_second']:.0f} | {row['flat_out_p50_ms']:.0f} / "
        f"{row['flat_out_p99_ms']:.0f} | {row['p50_ms']:.1f} / **{row['p99_ms']:.1f}** | {row['start_seconds']:.2f} | "
        f"{row['failed']} |"
        for row in result["rows"]
    ]
    memory = ", ".join(f"{point['mib']:.0f} MiB after {point['n_requests']:,}" for point in result["memory"])
    killed = (
        f"{kills['kills']} kills amid {kills['writes']:,} writes of four clients: {kills['acknowledged']:,} "
        f"acknowledged, {kills['lost']} lost."
    )
    aims = [f"{targets[name]:.0f}" for name in ("requests_per_second", "p99_ms", "start_seconds")]
    return [
        "| | requests/s flat out | p50 / p99 then, ms | p50 / p99 at the set rate, ms | start, s | failed |",
        "|---|--:|--:|--:|--:|--:|",
        *rows,
        f"| target | {aims[0]} | | p99 {aims[1]} | {aims[2]} | 0 |",
        "",
        f"Memory over requests: {memory}. {killed}",
    ]


def _serving_index(result: dict[str, Any]) -> list[str]:
    lines = [
        "| search | recall@10 of the exact answer | start, s | until the index is there, s | p50 / p99, ms | memory |",
        "|---|--:|--:|--:|---|--:|",
    ]
    for way in result["ways"]:
        loads = ", ".join(
            f"{seen['p50_ms']:.0f} / {seen['p99_ms']:.0f} at {rate}/s" for rate, seen in way["loads"].items()
        )
        found = way["search"].get("recall@10", 1.0)
        waited = "" if way["index_seconds"] is None else f"{way['index_seconds']:.0f}"
        lines.append(
            f"| {way['way']} | {found:.3f} | {way['start_seconds']:.1f} | {waited} | {loads} | {way['gib']:.1f} GiB |"
        )
    return lines


def _request(result: dict[str, Any]) -> list[str]:
    lines = [
        "| request | threads | median, ms | 99% within, ms | CPU time, ms | target, ms |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for row in result["rows"]:
        target = "" if row["target_ms"] is None else f"{row['target_ms']:g}"
        times = f"{row['median_ms']:.2f} | {row['p99_ms']:.2f} | {row['cpu_ms']:.2f} | {target}"
        lines.append(f"| {row['what']} | {row['threads'] or 'default'} | {times} |")
    return lines


def _refresh(result: dict[str, Any]) -> list[str]:
    lines = [
        "| after each part | ndcg@20 | change | core seconds of all updates | of the time |",
        "|---|--:|--:|--:|--:|",
    ]
    for row in result["sides"]:
        change = f"{row['change']:+.1%} ± {row['error']:.1%}"
        lines.append(f"| {row['side']} | {row['ndcg@20']:.4f} | {change} | {row['seconds']:.1f} | {row['time']:.0%} |")
    return lines


def _refit_rule(result: dict[str, Any]) -> list[str]:
    lines = [
        "| held out | rule | epochs | steps | recall@10 | ndcg@10 | recall@10 less that of the same steps |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in result["rules"]:
        means = f"{row['epochs']:.1f} | {row['steps']:.0f} | {row['recall@10']:.4f} | {row['ndcg@10']:.4f}"
        lines.append(f"| {row['held out']} | {row['rule']} | {means} | {row['gain']:+.4f} ± {row['gain_sd']:.4f} |")
    return lines


if __name__ == "__main__":
    main()

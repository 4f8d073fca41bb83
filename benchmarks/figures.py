"""The plots: one function each, from what an outcome keeps as samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from benchmarks.crowd import ASKED, HOME, REMEMBERED
from benchmarks.medians import summarize
from benchmarks.outcome import Outcome
from benchmarks.sessions import SHAPES, size_name

Samples = Mapping[str, Sequence[float]]

_OURS, _OTHER, _THIRD = "#1f6f8b", "#e07a3f", "#8a8a8a"
_STYLE: dict[Any, Any] = {
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "legend.frameon": False,
}


def draw(outcomes: Sequence[Outcome], folder: Path) -> list[str]:
    """Draw what was measured; give the names of the files, each beginning with its benchmark's."""
    mpl.use("Agg")
    with mpl.rc_context(_STYLE):
        return [name for outcome in outcomes for name in _draw(outcome, folder)]


def _draw(outcome: Outcome, folder: Path) -> Iterator[str]:
    for plot in _PLOTS.get(outcome.name, ()) if outcome.samples else ():
        name = f"{outcome.name}-{plot.__name__.strip('_').replace('_', '-')}.png"
        figure = pyplot.figure(figsize=(9, 4.5))
        plot(figure.subplots(), outcome.samples)
        figure.savefig(folder / name)
        pyplot.close(figure)
        yield name


def _boxes(
    axes: Axes,
    at: Sequence[float],
    values: Sequence[Sequence[float]],
    colour: str,
    width: float = 0.32,
) -> None:
    """Draw boxes with whiskers from the 1st to the 99th percentile."""
    axes.boxplot(
        values,
        positions=at,
        widths=width,
        whis=(1, 99),
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": colour, "edgecolor": colour, "alpha": 0.6},
        medianprops={"color": "black"},
    )


def _legend(axes: Axes, colours: Mapping[str, str]) -> None:
    for label, colour in colours.items():
        axes.plot([], [], color=colour, linewidth=6, alpha=0.6, label=label)
    axes.legend()


def _response_times(axes: Axes, samples: Samples) -> None:
    functions = ("stateless", "plain-pair", "pair", "plain-cart", "cart")
    for offset, clients, colour in ((-0.2, 1, _OTHER), (0.2, 8, _OURS)):
        values = [samples[f"latency {function} {clients}"] for function in functions]
        _boxes(axes, [number + offset for number in range(len(functions))], values, colour)
    names = ("stateless", "hand-written\nget, set", "edgedb\nget, set")
    axes.set_xticks(range(len(functions)), [*names, "hand-written\ncart", "edgedb\ncart"])
    axes.set(ylabel="response time, ms", yscale="log", title="A request")
    _plain_numbers(axes)
    _legend(axes, {"1 client": _OTHER, "8 clients": _OURS})


def _ratios(axes: Axes, samples: Samples) -> None:
    for offset, clients, colour in ((-0.06, 1, _OTHER), (0.06, 8, _OURS)):
        names = [
            name for name in samples if name.startswith("ratio") and name.endswith(f"|{clients}")
        ]
        found = [summarize(samples[name]) for name in names]
        medians = [each.median for each in found]
        errors = [[e.median - e.q1 for e in found], [e.q3 - e.median for e in found]]
        at = [number + offset for number in range(len(names))]
        label = "1 client" if clients == 1 else f"{clients} clients"
        axes.errorbar(at, medians, errors, fmt="o", color=colour, capsize=4, label=label)
        axes.set_xticks(range(len(names)), [name.split("|")[1] for name in names])
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set(ylabel="requests/s, in times of the other", ylim=(0, None), xlim=(-0.5, 3.5))
    axes.set_title("A stateful request beside others")
    axes.legend()


def _time(axes: Axes, samples: Samples) -> None:
    names = ("stateless", "307", "resident")
    for offset, clients, colour in ((-0.2, 1, _OTHER), (0.2, 8, _OURS)):
        values = [samples[f"{name} {clients}"] for name in names]
        _boxes(axes, [number + offset for number in range(len(names))], values, colour)
    labels = ("stateless answer", "307 to where the session is", "one get + one set, session here")
    axes.set_xticks(range(len(names)), labels)
    axes.set(ylabel="response time, ms", title="A redirect", yscale="log")
    _plain_numbers(axes)
    _legend(axes, {"1 client": _OTHER, "8 clients": _OURS})


def _through_an_offload(axes: Axes, samples: Samples) -> None:
    redirected = [redirects > 0 for redirects in samples["redirects"]]
    for is_redirected, colour, label in ((False, _OURS, "200"), (True, _OTHER, "200 after a 307")):
        points = [
            point
            for point, was in zip(
                zip(samples["sent_s"], samples["response_ms"], strict=True), redirected, strict=True
            )
            if was == is_redirected
        ]
        size = 30 if is_redirected else 5
        axes.scatter([x for x, _ in points], [y for _, y in points], size, colour, label=label)
    bounds = samples["moves_s"]
    for began, ended, what in zip(bounds[::2], bounds[1::2], ("offload", "onload"), strict=True):
        axes.axvspan(began, ended, color=_THIRD, alpha=0.25, label=what)
        axes.text(began, 0.97, what, transform=axes.get_xaxis_transform(), va="top")
    axes.set(
        xlabel="time, s",
        ylabel="response time, ms",
        yscale="log",
        title="One client while its session is offloaded and comes home; every answer",
    )
    _plain_numbers(axes)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[:2], labels[:2])


def _time_over_size(axes: Axes, samples: Samples) -> None:
    sizes = sorted({int(name.rpartition("|")[2]) for name in samples})
    colours = dict(zip(SHAPES, (_OURS, "#5fa777", "#8e6bb0"), strict=True))
    for number, shape in enumerate(SHAPES):
        at = [position + (number - 1.5) * 0.2 for position in range(len(sizes))]
        _boxes(axes, at, [samples[f"ours|{shape}|{size}"] for size in sizes], colours[shape], 0.16)
    migrate = [
        [value for shape in SHAPES for value in samples[f"migrate|{shape}|{size}"]]
        for size in sizes
    ]
    _boxes(axes, [position + 0.3 for position in range(len(sizes))], migrate, _OTHER, 0.16)
    axes.set_xticks(range(len(sizes)), [size_name(size) for size in sizes])
    axes.set(ylabel="time, ms", yscale="log", title="A whole move, idle session")
    _plain_numbers(axes)
    _legend(axes, {**colours, "MIGRATE, all shapes": _OTHER})


def _over_clients(axes: Axes, samples: Samples) -> None:
    crowds = sorted({int(name.partition("|")[0]) for name in samples})
    for name, colour in ((HOME, _OURS), (REMEMBERED, "#5fa777"), (ASKED, _OTHER)):
        found = [summarize(samples[f"{clients}|{name}"]) for clients in crowds]
        axes.plot(crowds, [each.median for each in found], "o-", color=colour, label=name)
        low, high = [each.q1 for each in found], [each.q3 for each in found]
        axes.fill_between(crowds, low, high, color=colour, alpha=0.2)
    axes.set_xscale("log", base=2)
    axes.set_xticks(crowds, [str(clients) for clients in crowds])
    axes.set(xlabel="clients", ylabel="median response time, ms", ylim=(0, None))
    axes.set_title("Response time, all sessions at home or half of them offloaded")
    axes.legend()


def _against_a_thousand(axes: Axes, samples: Samples) -> None:
    for what in dict.fromkeys(name.partition("|")[0] for name in samples):
        counts = sorted(int(name.rpartition("|")[2]) for name in samples if name.startswith(what))
        found = [summarize(samples[f"{what}|{count}"]) for count in counts]
        medians = [each.median for each in found]
        errors = [[e.median - e.q1 for e in found], [e.q3 - e.median for e in found]]
        axes.errorbar(counts, medians, errors, fmt="o-", capsize=3, label=what)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set(xscale="log", xlabel="resident sessions", ylim=(0, None))
    axes.set(ylabel="time, in times of that among 1,000", title="Choosing and serving")
    axes.legend()


def _length(axes: Axes, samples: Samples) -> None:
    _boxes(axes, range(len(samples)), list(samples.values()), _OURS)
    axes.set_xticks(range(len(samples)), list(samples))
    axes.set(ylabel="ms", ylim=(0, None), title="The pause that a writing client sees")


def _percentiles(axes: Axes, samples: Samples) -> None:
    for name, colour in (("still", _OURS), ("moving", _OTHER)):
        values = sorted(samples[name])
        shares = [100 * (number + 1) / len(values) for number in range(len(values))]
        axes.plot(values, shares, color=colour, label=f"sessions {name}")
    axes.set(xlabel="response time, ms", ylabel="answered within, %", xscale="log")
    axes.set_title("32 clients on four nodes")
    _plain_numbers(axes, "x")
    axes.legend()


def _plain_numbers(axes: Axes, which: str = "y") -> None:
    """Write 100, not 10²."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


_PLOTS: Mapping[str, Sequence[Callable[[Axes, Samples], None]]] = {
    "request": (_ratios, _response_times),
    "redirect": (_time,),
    "timeline": (_through_an_offload,),
    "move": (_time_over_size,),
    "crowd": (_over_clients,),
    "scale": (_against_a_thousand,),
    "pause": (_length,),
    "sustained": (_percentiles,),
}

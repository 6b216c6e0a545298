"""`python -m deploy.observability.dashboards` renews the files that Grafana reads."""

import json
from pathlib import Path
from typing import Final

from deploy.observability.dashboards.broker import BROKER
from deploy.observability.dashboards.overview import OVERVIEW
from deploy.observability.dashboards.panels import Dashboard
from deploy.observability.dashboards.receivers import RECEIVERS

FOLDER: Final = Path(__file__).parents[1] / "grafana" / "dashboards"
DASHBOARDS: Final = (OVERVIEW, RECEIVERS, BROKER)


def text(dashboard: Dashboard) -> str:
    """Return the content of a dashboard's file."""
    return json.dumps(dashboard.json(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.name}.json").write_text(text(dashboard))

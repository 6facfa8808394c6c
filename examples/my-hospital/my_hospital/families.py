"""Questions about services."""

from collections.abc import Iterator

from ehrxqa.questions.families.pieces import PATIENT, single
from ehrxqa.questions.template import Template


def families() -> Iterator[Template]:
    """How many services cared for a patient."""
    yield single(
        id="my-hospital/services-1",
        family="services",
        text=f"how many services have cared for {PATIENT}?",
        said=(f"by how many services was {PATIENT} cared for?", f"count the services that cared for {PATIENT}."),
        sql=lambda q: (
            f"select count( distinct services.curr_service ) from services where services.subject_id = {q.patient}"
        ),
        draw="patient",
        answer="count",
    )

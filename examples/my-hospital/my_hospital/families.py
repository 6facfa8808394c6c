"""Questions about services."""

from collections.abc import Iterator

from ehrxqa.questions.families.pieces import PATIENT, single
from ehrxqa.questions.template import Template


def families() -> Iterator[Template]:
    """How many services cared for a patient, and which."""
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
    yield single(
        id="my-hospital/services-2",
        family="services",
        text=f"which services have cared for {PATIENT}?",
        said=(f"list the services that cared for {PATIENT}.", f"by which services was {PATIENT} cared for?"),
        sql=lambda q: (
            "select distinct d_services.label from d_services where d_services.service in "
            f"( select services.curr_service from services where services.subject_id = {q.patient} )"
        ),
        draw="patient",
        answer="list",
    )

"""The table `services` of MIMIC-IV: which service of the hospital cares for a subject, and since when."""

from collections.abc import Iterator

import numpy as np

from ehrxqa.hospital.clock import time_text
from ehrxqa.hospital.life import Subject
from ehrxqa.hospital.plan import Plan
from ehrxqa.spec.columns import ADMISSION, ROW_ID, SUBJECT, text, time
from ehrxqa.spec.extra import ExtraTable
from ehrxqa.spec.files import mimic_iv
from ehrxqa.spec.table import Column, Events, Reference, Table
from my_hospital.service_names import NAMES


def rows_of_a_synthetic_subject(plan: Plan, subject: Subject) -> Iterator[tuple[object, ...]]:
    """One service per admission of a synthetic subject, and now and then a second one."""
    rng = np.random.default_rng((plan.seed, subject.number))
    for admission in subject.admissions:
        before, moment = "", admission.start
        for _ in range(1 + int(rng.random() < 0.3)):
            service = str(rng.choice([name for name in NAMES if name != before]))
            yield subject.subject_id, admission.hadm_id, time_text(moment), before, service
            before, moment = service, moment + 3600


SERVICES = ExtraTable(
    Table(
        "services",
        "One row per service that took over the care of a subject in an admission.",
        (
            ROW_ID,
            SUBJECT,
            ADMISSION,
            time("transfertime", "when the service took over"),
            text("prev_service", "service before, or null", nullable=True),
            Column("curr_service", "text", "service that took over", references=Reference("d_services", "service")),
        ),
        indexes=("hadm_id", "subject_id"),
        source=mimic_iv(
            "hosp/services.csv",
            "One row per change of the service that cares for a subject.",
            "*subject_id:int *hadm_id:int *transfertime:time *prev_service:text? *curr_service:text?",
        ),
        events=Events(shuffled=("prev_service", "curr_service"), time="transfertime"),
    ),
    rows_of_a_synthetic_subject,
)

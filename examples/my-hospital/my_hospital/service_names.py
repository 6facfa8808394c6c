"""A dictionary, which is the same in every database: what the services of the hospital are called."""

from ehrxqa.hospital.plan import Plan
from ehrxqa.spec.columns import ROW_ID, text
from ehrxqa.spec.extra import ExtraTable
from ehrxqa.spec.files import mimic_iv
from ehrxqa.spec.table import Table

NAMES = {
    "MED": "Internal medicine",
    "SURG": "General surgery",
    "CMED": "Cardiology",
    "NMED": "Neurology",
    "ORTHO": "Orthopaedics",
}


def rows_of_the_synthetic_hospital(plan: Plan) -> list[tuple[str, str]]:
    """One row per service, in every hospital the same."""
    return list(NAMES.items())


D_SERVICES = ExtraTable(
    Table(
        "d_services",
        "One row per service of the hospital.",
        (ROW_ID, text("service", "short name of the service"), text("label", "name")),
        key="service",
        source=mimic_iv("hosp/d_services.csv", "One row per service of the hospital.", "*service:text *label:text"),
        is_dictionary=True,
    ),
    rows_of_the_synthetic_hospital,
)

"""Questions about X-rays that ask the image a question of our own kind."""

from collections.abc import Iterator

from ehrxqa.questions.families.pieces import PATIENT
from ehrxqa.questions.template import Template


def x_ray_families() -> Iterator[Template]:
    """On which X-rays of a patient an effusion is on both sides."""
    yield Template(
        id="my-hospital/bilateral-1",
        family="bilateral",
        scope="image-single-n",
        text=f"list the ids of the chest x-ray studies of {PATIENT} that show bilateral pleural effusion.",
        said=(
            f"which chest x-rays of {PATIENT} show pleural effusion on both sides? list their ids.",
            f"give the ids of the studies of {PATIENT} with bilateral pleural effusion.",
        ),
        sql=lambda q: (
            f"select tb_cxr.study_id from tb_cxr where tb_cxr.subject_id = {q.patient} "
            f"and tb_cxr.study_id in ( {_with_effusion('left')} ) and tb_cxr.study_id in ( {_with_effusion('right')} )"
        ),
        neural=lambda q: (
            f"select tb_cxr.study_id from tb_cxr where tb_cxr.subject_id = {q.patient} "
            'and func_vqa("is there bilateral pleural effusion?", tb_cxr.study_id) = true'
        ),
        among=lambda q: (f"tb_cxr.subject_id = {q.patient}",),
        draw="patient",
        answer="list",
    )


def _with_effusion(side: str) -> str:
    found = "tb_cxr_plus.relation = 1 and tb_cxr_plus.attribute = 'pleural effusion'"
    place = f"substr(tb_cxr_plus.object, 1, {len(side) + 1}) = '{side} '"
    return f"select tb_cxr_plus.study_id from tb_cxr_plus where {found} and {place}"

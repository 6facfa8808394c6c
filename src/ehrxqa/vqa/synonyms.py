"""What readers of X-rays and models call the findings, beside the published names.

The table serves the reading of free answers and the columns of score files. `parse` does not use it: a question is
never guessed. Words that may mean several published names ("edema of the soft tissue", "fracture", "catheter") are left
out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from ehrxqa.vqa.vocabulary import Role, Vocabulary, words_of

__all__ = ["SYNONYMS", "named"]

#: Published name → what else it is called; singular and plural alike.
SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        # attributes
        "lung opacity": ("opacity", "lung opacification", "pulmonary opacity", "opacification"),
        "airspace opacity": ("airspace disease", "air space opacity", "air space disease", "alveolar opacity"),
        "consolidation": ("lung consolidation", "pulmonary consolidation"),
        "infiltration": ("infiltrate", "lung infiltrate", "pulmonary infiltrate"),
        "atelectasis": ("atelectatic changes", "lung atelectasis"),
        "linear/patchy atelectasis": (
            "linear atelectasis",
            "patchy atelectasis",
            "plate like atelectasis",
            "bibasilar atelectasis",
        ),
        "lobar/segmental collapse": ("lobar collapse", "segmental collapse", "lung collapse"),
        "pulmonary edema/hazy opacity": (
            "pulmonary edema",
            "pulmonary oedema",
            "lung edema",
            "edema",
            "hazy opacity",
            "interstitial edema",
        ),
        "vascular congestion": ("pulmonary vascular congestion", "pulmonary congestion", "venous congestion"),
        "vascular redistribution": ("cephalization", "pulmonary vascular redistribution"),
        "increased reticular markings/ild pattern": (
            "increased reticular markings",
            "reticular markings",
            "ild pattern",
            "reticular pattern",
            "interstitial markings",
        ),
        "pleural effusion": ("effusion", "pleural fluid"),
        "costophrenic angle blunting": ("blunting of the costophrenic angle", "blunted costophrenic angle", "blunting"),
        "pleural/parenchymal scarring": (
            "pleural scarring",
            "parenchymal scarring",
            "scarring",
            "fibrosis",
            "pleural thickening",
        ),
        "enlarged cardiac silhouette": (
            "cardiomegaly",
            "enlarged heart",
            "cardiac enlargement",
            "heart enlargement",
            "enlarged cardiomediastinal silhouette",
        ),
        "mediastinal displacement": ("mediastinal shift",),
        "mediastinal widening": ("widened mediastinum", "wide mediastinum", "enlarged mediastinum"),
        "enlarged hilum": ("hilar enlargement", "enlarged hila", "prominent hilum"),
        "tortuous aorta": ("aortic tortuosity", "tortuosity of the aorta", "aortic ectasia"),
        "vascular calcification": ("aortic calcification", "calcified aorta", "atherosclerotic calcification"),
        "lung lesion": ("pulmonary lesion",),
        "mass/nodule (not otherwise specified)": (
            "mass",
            "nodule",
            "mass/nodule",
            "lung nodule",
            "lung mass",
            "pulmonary nodule",
            "pulmonary mass",
        ),
        "multiple masses/nodules": ("multiple nodules", "multiple masses"),
        "calcified nodule": ("calcified granuloma",),
        "superior mediastinal mass/enlargement": ("superior mediastinal mass", "superior mediastinal enlargement"),
        "clavicle fracture": ("clavicular fracture", "fractured clavicle"),
        "rib fracture": ("fractured rib",),
        "spinal fracture": ("vertebral fracture", "compression fracture", "spine fracture"),
        "hyperaeration": ("hyperinflation", "hyperexpansion", "hyperinflated lung", "hyperexpanded lung"),
        "cyst/bullae": ("bulla", "bullae", "cyst"),
        "elevated hemidiaphragm": ("hemidiaphragm elevation", "raised hemidiaphragm"),
        "diaphragmatic eventration (benign)": ("diaphragmatic eventration", "eventration"),
        "sub-diaphragmatic air": ("free air", "pneumoperitoneum", "air under the diaphragm"),
        "subcutaneous air": ("subcutaneous emphysema",),
        "hernia": ("hiatal hernia", "hiatus hernia"),
        "scoliosis": ("spinal curvature",),
        "spinal degenerative changes": (
            "degenerative changes of the spine",
            "degenerative spine changes",
            "spondylosis",
            "spinal degeneration",
        ),
        "shoulder osteoarthritis": ("shoulder arthritis", "degenerative changes of the shoulder"),
        "bone lesion": ("osseous lesion",),
        "low lung volumes": ("low lung volume", "reduced lung volumes", "low inspiratory volumes"),
        "rotated": ("rotation", "patient rotation", "rotated patient"),
        "breast/nipple shadows": ("breast shadow", "nipple shadow"),
        "fluid overload/heart failure": ("heart failure", "congestive heart failure", "chf", "fluid overload"),
        "copd/emphysema": ("copd", "emphysema", "chronic obstructive pulmonary disease"),
        "interstitial lung disease": ("ild",),
        "lung cancer": ("lung malignancy", "bronchogenic carcinoma"),
        "aspiration": ("aspiration pneumonia", "aspiration pneumonitis"),
        "alveolar hemorrhage": ("pulmonary hemorrhage",),
        "chest tube": ("pleural drain", "thoracostomy tube", "pleural tube"),
        "endotracheal tube": ("et tube", "ett", "endotracheal intubation"),
        "tracheostomy tube": ("tracheostomy",),
        "picc": ("picc line", "peripherally inserted central catheter"),
        "ij line": ("internal jugular line", "internal jugular catheter", "ij catheter", "jugular line"),
        "chest port": ("port a cath", "portacath", "chest wall port", "mediport"),
        "subclavian line": ("subclavian catheter",),
        "swan-ganz catheter": ("swan ganz", "pulmonary artery catheter", "swan ganz line"),
        "intra-aortic balloon pump": ("iabp", "balloon pump"),
        "enteric tube": ("nasogastric tube", "ng tube", "feeding tube", "orogastric tube", "dobhoff tube", "og tube"),
        "sternotomy wires": ("median sternotomy wires", "sternal wires", "sternotomy"),
        "cabg grafts": ("cabg", "bypass grafts", "cabg clips"),
        "aortic graft/repair": ("aortic graft", "aortic repair", "aortic stent graft"),
        "prosthetic valve": (
            "valve replacement",
            "heart valve prosthesis",
            "artificial valve",
            "prosthetic heart valve",
        ),
        "cardiac pacer and wires": ("pacemaker", "cardiac pacemaker", "pacer", "pacemaker leads", "icd", "pacer wires"),
        # objects
        "cardiac silhouette": ("heart", "cardiac shadow"),
        "svc": ("superior vena cava",),
        "spine": ("thoracic spine", "vertebral column"),
        "left costophrenic angle": ("left costophrenic sulcus", "left cp angle"),
        "right costophrenic angle": ("right costophrenic sulcus", "right cp angle"),
        "left hemidiaphragm": ("left diaphragm",),
        "right hemidiaphragm": ("right diaphragm",),
        "left hilar structures": ("left hilum", "left hila", "left hilar region"),
        "right hilar structures": ("right hilum", "right hila", "right hilar region"),
        "left apical zone": ("left apex", "left lung apex"),
        "right apical zone": ("right apex", "right lung apex"),
        "left upper lung zone": ("left upper lobe", "left upper lung", "left upper zone"),
        "right upper lung zone": ("right upper lobe", "right upper lung", "right upper zone"),
        "left mid lung zone": ("left mid lung", "left middle lung zone", "left mid zone"),
        "right mid lung zone": ("right mid lung", "right middle lobe", "right middle lung zone", "right mid zone"),
        "left lower lung zone": (
            "left lower lobe",
            "left lung base",
            "left base",
            "left lower lung",
            "left lower zone",
        ),
        "right lower lung zone": (
            "right lower lobe",
            "right lung base",
            "right base",
            "right lower lung",
            "right lower zone",
        ),
    }
)

_ARTICLES: Final = frozenset({"the", "a", "an", "this", "that", "some", "any"})


def named(text: str, role: Role, vocabulary: Vocabulary) -> str | None:
    """The name of that role which a text is: as published, in singular or plural, or by a synonym; else None.

    >>> from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY
    >>> named("Cardiomegaly", Role.ATTRIBUTE, DEFAULT_VOCABULARY), named("the heart", Role.OBJECT, DEFAULT_VOCABULARY)
    ('enlarged cardiac silhouette', 'cardiac silhouette')
    """
    words = words_of(text)
    while words and words[0] in _ARTICLES:
        words = words[1:]
    if not words:
        return None
    for phrase in vocabulary.phrases.get(words[0], ()):
        if phrase.words == words:
            for name in phrase.names:
                if name.role is role:
                    return name.name
    found = _table().get(words)
    known = {Role.OBJECT: vocabulary.objects, Role.ATTRIBUTE: vocabulary.attributes}.get(role, ())
    return found if found in known else None


@lru_cache(maxsize=1)
def _table() -> Mapping[tuple[str, ...], str]:
    """Words of a synonym, in singular and plural → the published name."""
    return {words: name for name, others in SYNONYMS.items() for other in others for words in _numbers(other)}


def _numbers(text: str) -> Iterable[tuple[str, ...]]:
    words = words_of(text)
    yield words
    last = words[-1]
    if len(last) > 3:
        yield (*words[:-1], last[:-1] if last.endswith("s") and not last.endswith(("ss", "us", "is")) else last + "s")
        if last.endswith("y"):
            yield (*words[:-1], last[:-1] + "ies")

"""How people call things: the words of our sentences that stand for one thing and have several forms.

Each is declared here once, with its meaning. No form stands for two things (“ca” may be calcium or cancer, “ms” a drug or
a disease: such abbreviations are not here), so that a sentence can be read back, and the parser `template` reads from
these tables what the sentences were made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["CALLED", "WORDS", "forms_of"]

#: Name of a finding or a place in the labels → what else it is called in a sentence, with its article if it takes one.
CALLED: Final[Mapping[str, tuple[str, ...]]] = {
    # findings
    "lung opacity": ("pulmonary opacity",),
    "airspace opacity": ("airspace opacification", "alveolar opacity"),
    "consolidation": ("consolidative change",),
    "infiltration": ("an infiltrate", "infiltrates"),
    "atelectasis": ("atelectatic changes",),
    "linear/patchy atelectasis": ("patchy/linear atelectasis",),
    "lobar/segmental collapse": ("segmental/lobar collapse",),
    "pulmonary edema/hazy opacity": ("hazy opacity/pulmonary edema",),
    "vascular congestion": ("pulmonary vascular congestion", "congested vessels"),
    "vascular redistribution": ("cephalization",),
    "increased reticular markings/ild pattern": ("an ild pattern/increased reticular markings",),
    "pleural effusion": ("pleural fluid", "a pleural effusion"),
    "costophrenic angle blunting": ("cp angle blunting", "a blunted costophrenic angle"),
    "pleural/parenchymal scarring": ("parenchymal/pleural scars",),
    "bronchiectasis": ("bronchiectatic changes",),
    "enlarged cardiac silhouette": ("cardiomegaly", "cardiac enlargement", "an enlarged heart shadow"),
    "mediastinal displacement": ("mediastinal shift",),
    "mediastinal widening": ("a widened mediastinum", "widening of the mediastinum"),
    "enlarged hilum": ("hilar enlargement",),
    "tortuous aorta": ("aortic tortuosity",),
    "vascular calcification": ("calcified vessels",),
    "pneumomediastinum": ("mediastinal air", "mediastinal emphysema"),
    "pneumothorax": ("ptx", "a pneumothorax"),
    "hydropneumothorax": ("a hydropneumothorax",),
    "lung lesion": ("a pulmonary lesion",),
    "mass/nodule (not otherwise specified)": ("a nodule/mass (nos)",),
    "multiple masses/nodules": ("several nodules/masses",),
    "calcified nodule": ("a nodule with calcification",),
    "superior mediastinal mass/enlargement": ("a superior mediastinal enlargement/mass",),
    "rib fracture": ("a broken rib", "a rib fx"),
    "clavicle fracture": ("a broken clavicle", "a clavicular fracture"),
    "spinal fracture": ("a vertebral fracture", "a spine fx"),
    "hyperaeration": ("hyperinflation", "overinflation"),
    "cyst/bullae": ("bullae/cysts",),
    "elevated hemidiaphragm": ("a raised hemidiaphragm",),
    "diaphragmatic eventration (benign)": ("benign eventration of the diaphragm",),
    "sub-diaphragmatic air": ("free air under the diaphragm", "subdiaphragmatic air"),
    "subcutaneous air": ("subcutaneous emphysema", "subq air"),
    "hernia": ("herniation",),
    "scoliosis": ("a scoliotic spine", "scoliotic curvature"),
    "spinal degenerative changes": ("degenerative spine changes", "spondylotic changes"),
    "shoulder osteoarthritis": ("shoulder oa",),
    "bone lesion": ("a bony lesion", "an osseous lesion"),
    "low lung volumes": ("reduced lung volumes", "small lung volumes"),
    "rotated": ("patient rotation",),
    "artifact": ("an imaging artifact",),
    "breast/nipple shadows": ("nipple/breast shadows",),
    "skin fold": ("a skinfold",),
    "pneumonia": ("pna",),
    "fluid overload/heart failure": ("heart failure/fluid overload", "chf/fluid overload"),
    "copd/emphysema": ("emphysema/copd",),
    "interstitial lung disease": ("ild",),
    "goiter": ("thyroid goiter",),
    "lung cancer": ("pulmonary malignancy", "lung malignancy"),
    "aspiration": ("signs of aspiration",),
    "alveolar hemorrhage": ("alveolar bleeding",),
    "pericardial effusion": ("pericardial fluid", "a pericardial effusion"),
    "chest tube": ("a thoracostomy tube",),
    "mediastinal drain": ("a mediastinal drainage tube",),
    "pigtail catheter": ("a pigtail", "a pigtail drain"),
    "endotracheal tube": ("an ett", "an et tube"),
    "tracheostomy tube": ("a trach tube",),
    "picc": ("a picc line", "a peripherally inserted central catheter"),
    "ij line": ("an internal jugular line", "an ij catheter"),
    "chest port": ("a port-a-cath", "a mediport"),
    "subclavian line": ("a subclavian catheter",),
    "swan-ganz catheter": ("a swan-ganz", "a pulmonary artery catheter"),
    "intra-aortic balloon pump": ("an iabp", "an aortic balloon pump"),
    "enteric tube": ("an enteral tube",),
    "sternotomy wires": ("sternal wires", "median sternotomy wires"),
    "cabg grafts": ("coronary bypass grafts",),
    "aortic graft/repair": ("an aortic repair/graft",),
    "prosthetic valve": ("a valve prosthesis", "an artificial heart valve"),
    "cardiac pacer and wires": ("a pacemaker and its wires", "a pacer with leads"),
    # places
    "left apical zone": ("left lung apex", "left apex"),
    "right apical zone": ("right lung apex", "right apex"),
    "left upper lung zone": ("left upper zone",),
    "right upper lung zone": ("right upper zone",),
    "left mid lung zone": ("left mid zone",),
    "right mid lung zone": ("right mid zone",),
    "left lower lung zone": ("left lower zone",),
    "right lower lung zone": ("right lower zone",),
    "left hilar structures": ("left hilum", "left hilar region"),
    "right hilar structures": ("right hilum", "right hilar region"),
    "left costophrenic angle": ("left cp angle", "left costophrenic sulcus"),
    "right costophrenic angle": ("right cp angle", "right costophrenic sulcus"),
    "left hemidiaphragm": ("left diaphragm",),
    "right hemidiaphragm": ("right diaphragm",),
    "left clavicle": ("left collarbone",),
    "right clavicle": ("right collarbone",),
    "left chest wall": ("left thoracic wall",),
    "right chest wall": ("right thoracic wall",),
    "aortic arch": ("arch of the aorta",),
    "cardiac silhouette": ("cardiac shadow", "heart shadow"),
    "svc": ("superior vena cava",),
    "cavoatrial junction": ("cavo-atrial junction",),
    "trachea": ("windpipe",),
    "carina": ("tracheal bifurcation",),
    "upper mediastinum": ("superior mediastinum",),
    "spine": ("vertebral column",),
}

#: `[word]` of a sentence → what may stand there; all mean the same.
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "cxr": ("chest x-ray", "cxr", "chest film", "cxr", "radiograph", "x-ray", "film", "chest radiograph", "cxr"),
    "showing": ("showing", "with", "that showed", "demonstrating", "revealing", "displaying"),
    "seen": ("seen", "visible", "evident", "noted", "apparent", "identified", "shown"),
    "location": ("anatomical location", "location", "region", "site", "area", "anatomical region"),
    "tell": ("tell me", "please tell me", "let me know", "i need to know", "i'd like to know"),
    "can": ("can you tell me", "could you tell me", "do we know", "would you know", "do you happen to know"),
    "give": (
        "give me",
        "give",
        "look up",
        "get me",
        "please report",
        "retrieve",
        "fetch",
        "provide",
        "pull up",
        "find",
        "state",
    ),
    "list": ("list", "name", "list all", "please list", "write down", "enumerate", "spell out"),
    "count": ("count", "please count", "tally"),
    "check": ("check", "please check", "verify", "find out", "confirm", "see", "determine"),
    "dx": ("diagnosis", "dx"),
    "rx": ("a prescription", "an order", "an rx"),
    "and": ("and", "plus", "as well as"),
}


def forms_of(name: str) -> tuple[str, ...]:
    """The other forms of a name.

    >>> forms_of("pneumothorax"), forms_of("mediastinum")
    (('ptx', 'a pneumothorax'), ())
    """
    return CALLED.get(name, ())

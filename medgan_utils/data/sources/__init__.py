"""Where images come from: phantoms, public data sets, and folders of your own."""

from .brain import AOMIC, BRAIN_PHANTOM, IXI
from .ct import LITS, LIVER_PHANTOM, MSD_LIVER
from .folder import FOLDER
from .labelled import BRAINMRI, ORGANAMNIST

SOURCES = {
    source.name: source
    for source in (
        LIVER_PHANTOM,
        LITS,
        MSD_LIVER,
        FOLDER,
        BRAIN_PHANTOM,
        IXI,
        AOMIC,
        ORGANAMNIST,
        BRAINMRI,
    )
}
"""Every source by its name, as `load_slices` looks it up."""

"""What one name says: the person in it, and the words in it that are nobody.

The names of known data sets, of visits, things and collections; two spellings of one name.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from .files import CONTRAST_WORDS, drop_words, is_picture, stem, without_agent

NOBODY = re.compile(
    r"|0+|x+|anon(ym(ous|i[sz]ed)?)?([-_ ^]*(patient|subject|name))?|unknown|none|n/?a|removed"
    r"|de-?identified|patient",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        sub-[A-Za-z0-9]+                                # sub-01_ses-1_T1w, FreeSurfer's folders
      | IXI\d+                                          # IXI012-HH-1211_T1
      | \d{3}_S_\d{4,5}                                 # ADNI_002_S_0413_MR_MPR__N3_Br_2006…
      | OAS[12]_\d{4} | OAS[3-9]\d{4}                   # OAS1_0001_MR1, OAS30001_MR_d0129
      | 00[25]\d{4} (?![A-Za-z0-9])                     # ABIDE and its kin: NYU_0051036
      | TCGA[-_][A-Z0-9]{2}[-_][A-Z0-9]{4}              # TCGA_CS_4941_19960909_slice12
      | LIDC-IDRI-\d{4}
      | BraTS-[A-Z]+-\d+ | BraTS20\d\d_\d+              # BraTS-GLI-00000-000, BraTS2021_00006
      | BraTS\d\d_(?:Training|Validation)_\d+           # BraTS20_Training_001_flair
      | BraTS1\d_[A-Z0-9]+_[A-Z0-9]+ (?=_\d+)           # Brats18_CBICA_AAM_1_t1
      | \d{6} (?=_[37]T_(?:T[12]w_(?:MPR|SPC)|[rt]fMRI|d?MRI|DWI))   # 100307_3T_T1w_MPR1
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_COUNTED_PERSON = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        (?:patients?|pat|subjects?|subj|case|participant|volunteer|proband|person)
        (?:[-_ ][A-Z]{0,3}[-_]?)?\d+                   # case10007_slice133, patient001_frame01
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_SPM = r"(?:[amrsuwy]|s\d{1,2}|[cp]\d|i?y_)+"
"""What SPM puts before the name of a file that it makes of another: `wrP01`, `mwp1sub-01`."""
_KNOWN_VOLUME = re.compile(  # LiTS; the Decathlon, with or without _0000
    r"volume-\d+|(?:BRATS|heart|la|liver|hippocampus|prostate|lung|pancreas|hepatic(?:vessel)?"
    r"|spleen|colon)_\d{1,4}(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_BEFORE_SLICE = re.compile(r"(.*[^-_ ])[-_ ]+slice[-_ ]?\d+", re.IGNORECASE)
VISIT = r"""ses(sion)?\d*|wave\d*|exam\d*|visit\d*|v\d\d?|baseline|bl|follow|up|followup\d*|fu\d*
    |screening
    |(pre|post)(op|rt|tx|chemo|treatment|surgery|contrast)?|before|after|(month|week|day|year)s?\d*
    |(tp|time|timepoint)\d*|(19|20)\d\d(\d{4})?|run\d*|re?test|echo\d*|rep\d*|acq\d*|se\d+
    |ser(ies)?\d*|copy|kopie|checkpoint|arterial|venous|portal|delayed|plain|contrast|left|right|[lr]h
    |ax(ial)?|sag(ittal)?|cor(onal)?
    |links|rechts|vor|nach|vorher|nachher|pr(ae|\u00e4)(op)?|wk\d+
    |(ge|siemens|philips|canon|toshiba|hitachi)([137][05]?t)?|[137][05]?t"""
THING = r"scans?\d*|im(g|age|ages)?\d*|slices?\d*|slc?\d*|z\d+|frames?\d*"
COLLECTION = r"""anat(omical)?|func|dicoms?|dcm|niftii?|nii|pngs?|data\d*|raw\w*|orig
    |train\w*|test\w*|val\w*|images?(tr|ts|va)|unprocessed|preproc\w*|derivatives|[37]t|scanner\w*
    |(batch|fold|part|group|class|grade|stage|set|split|cohort)\w*"""
DATE = r"""(?<!\d)((19|20)\d\d[-_.]?\d\d[-_.]?\d\d|\d\d[-_.]\d\d[-_.](19|20)\d\d
    |(?<![A-Za-z0-9.])(\d\d?[.-]\d\d?[.-](19|20)\d\d|(19|20)\d\d[-.]\d\d?[-.]\d\d?
    |(?<=[-_ ])(19|20)\d\d-(0[1-9]|1[0-2])|\d\d?\.\d\d?\.\d\d
    |(jan|feb|m[a\u00e4]r|apr|jun|jul|aug|sep|o[ck]t|nov|de[cz])(19|20)\d\d
    |((jan|febr)uary?|march|m\u00e4rz|april|ma[iy]|jun[ei]|jul[yi]|august|(septem|o[ck]to|novem
    |de[cz]em)ber)[-_ ]?(19|20)\d\d
    )(?!\.?\d))
    (?:[-_.t]?\d{6}(?:\.?\d{1,3})?(?:_\d{1,4}[a-z]?(?![^-_. ]))?)?(?!\d)"""
NUMBERED = r"""(?<=[^-_ ])[-_ ]+(?:[ism]\d{1,7}|(?:slice|slc?|z|frame|patch|tile|img|im|run|ses
    |session|visit|v|scan|rec|echo|acq|tp|time(?:point)?|month|week|day|year|fu
    |ser(?:ies)?)[-_ ]?\d+)(?=$|[-_ .])"""
STAMP = re.compile(r"(?<!\d)((?:19|20)\d{6})[-_.tT]?(\d{6})(?!\d)")
"""Date and time of a study, to the second, as dcm2niix writes them: `Doe_t1_20190101120000_5`."""
_SEQUENCE = r"""[23]d|fl[23]d|space|cube|vista|dark([-_ ]?fluid)?|fluid|tirm|stir|[tf]se|haste|blade
    |propeller|vibe|lava|thrive|dixon|tru?fi|fiesta|bravo|f?spgr|gre|tf[el]|epi|iso|fs|fatsat|spair
    |spir|p\d|sense|grappa|trace|inphase|outphase|opp(osed)?|(in|out|opp)[-_ ]phase
    |ax(ial)?|sag(ittal)?|cor(onal)?|tra(nsversal)?"""
_PROTOCOL = re.compile(
    rf"(?<![^-_. +])(?:[23]d[-_. +]+)?({CONTRAST_WORDS})"
    rf"((?:[-_. +]+(?:{_SEQUENCE}|{CONTRAST_WORDS}))+)(?![^-_. +])",
    re.IGNORECASE | re.VERBOSE,
)
"""A contrast and the names of the sequences that measured it: `t2_space_dark-fluid`."""
YEAR = re.compile(r"(?<!\d)(19|20)\d\d(?!\d)")
SITE = re.compile(
    r"(site|hospital|cent(er|re)|clinic|institution)"
    r"([-_ ]?\d+|(?-i:[A-Z])|[-_ ](?!(crop|slice|cut|patch)\w*$)\w+)",
    re.IGNORECASE,
)

_SURELY_VISIT = re.compile(
    r"(termin|besuch|kontrolle|verlauf|zeitpunkt|sitzung|station|untersuchung|messung|tag|woche"
    r"|monat|jahr|jour|mois|s[eé]ance)[-_. ]*\d+"
    r"|\d+[-_. ]*(tage?|wochen?|monate?|jahre?|days?|weeks?|months?|years?)"
    r"|\d\d?\.\d\d?\.\d\d"
)
_PERHAPS_VISIT = re.compile(
    r"(?P<letter>[dmtwy])[-_. ]*(?P<number>\d+)|\d+[-_. ]*(d|w|mo?|y)"
    r"|(mr[it]?|ct|pet|stud(y|ie)|stu?|acc(ession)?)[-_. ]*\d+"
    r"|(?P<year>\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
)


_SHORT_DATE = re.compile(r"\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")


def without_short_dates(paths: Collection[PurePosixPath]) -> dict[PurePosixPath, PurePosixPath]:
    """Return each path without dates of six digits beside a name: `Meier_190312`.

    Six digits are as often a person's number. They are dates where all that stand beside a name
    might be, several names are there, and one comes with two of them.
    """
    seen = defaultdict(set)
    for path in paths:
        for part in (stem(path), *path.parts[:-1]):
            for word in re.findall(r"(?<![^\W_])\d{6}(?![^\W_])", part):
                if rest := drop_words(part, words(VISIT, THING, re.escape(word))):
                    seen[rest].add(word)
    numbers = set().union(*seen.values())
    dates = len(seen) > 1 and any(len(some) > 1 for some in seen.values())
    if not dates or not all(map(_SHORT_DATE.fullmatch, numbers)):
        return {path: path for path in paths}

    def plain(part: str) -> str:
        return drop_words(part, _SHORT_DATE) or part

    return {
        path: PurePosixPath(
            *map(plain, path.parts[:-1]), plain(stem(path)) + path.name[len(stem(path)) :]
        )
        for path in paths
    }


def words(*patterns: str) -> re.Pattern:
    """Return what matches a word for a contrast, or for what one of the patterns names."""
    return re.compile("|".join((CONTRAST_WORDS, *patterns)), re.IGNORECASE | re.VERBOSE)


def subject_of(path: str | Path) -> str:
    """Read the subject from one file name; for a whole folder, `name_subjects` knows more.

    Args:
        path: For example `IXI012-HH-1211_T1.nii.gz` (gives IXI012), `case10007_slice133.png`
            (case10007), `sub-01_ses-2_T1w.nii.gz` (sub-01). Any other name is the subject itself.
    """
    name = Path(path).name
    return known_name(PurePosixPath(name)) or stem(name)


def known_name(path: PurePosixPath) -> str | None:
    """Find a name as known data sets give it, in the file name or in the folders above it."""
    parts = [re.sub(rf"(?<![A-Za-z0-9]){_SPM}(?=sub-)", "", part)
             for part in (stem(path), *reversed(path.parts[:-1]))]  # fmt: skip
    for match in (kind.search(part) for kind in (_KNOWN, _COUNTED_PERSON) for part in parts):
        if match and not (is_picture(path) and match[0].isdigit()):  # a picture's own number
            return match[0]
    name = stem(path)
    if not is_picture(path) and (match := _KNOWN_VOLUME.match(name)):
        return match[0]
    before = _BEFORE_SLICE.match(name)
    person = drop_words(before[1], words(VISIT, THING)) if before else ""
    return person if any(map(str.isdigit, person)) else None


def spelling(name: str) -> str:
    """Return what names have in common that differ in nothing but their spelling."""
    name = unicodedata.normalize("NFC", name).strip().casefold()
    name = re.sub(r"(?<=[^\W\d_])_(?=\d)", "", re.sub(r"[-_. ]+", "_", name))  # P_1 is P1
    return re.sub(r"(?<!\d)0+(?=\d)", "", name)


def person_of(patient_id: str) -> str:
    """Return a PatientID without its visit, in one spelling; "" where it is nobody's."""
    patient_id = patient_id.strip()
    if NOBODY.fullmatch(patient_id):
        return ""
    without_visit = drop_words(patient_id, re.compile(VISIT, re.IGNORECASE | re.VERBOSE))
    return spelling(without_visit or patient_id)


def is_number(name: str) -> bool:
    """Whether a name is a number, perhaps of a picture: `12`, `(12)`, `img_12`."""
    return not drop_words(name, words(THING)).strip("()").strip("0123456789")


def person_in_name(path: PurePosixPath, paths: set[PurePosixPath]) -> str:
    """Return a stem without contrast, visit, slice and marks of a copy (`P1 (1)` beside `P1`)."""
    name = stem(path)
    before_copy = re.sub(r" ?\(\d+\)$", "", name)
    beside = {stem(other) for other in paths if other.parent == path.parent}
    name = _before_spm(before_copy if before_copy in beside else name, beside)
    name = without_agent(name)
    name = _PROTOCOL.sub(r"\1", _before_series(name))
    before_slice = _BEFORE_SLICE.match(name)
    name = before_slice[1] if before_slice else name
    name = re.sub(r"(?<=\d)_000\d$", "", name)  # nnU-Net's channels
    for nobody in (DATE, NUMBERED):
        name = re.sub(nobody, "", name, flags=re.IGNORECASE | re.VERBOSE)
    person, thing = drop_words(name, words(VISIT, THING)), drop_words(name, words(VISIT))
    if re.fullmatch(r"[A-Za-z]+[-_ ]?\d+", thing):
        return thing
    return to_person_number(person)


def _before_spm(name: str, beside: Collection[str]) -> str:
    """Return the name of the file that SPM made another of, where one of both kinds lies beside."""
    chain = re.match(_SPM, name)
    for cut in range(1, chain.end() + 1 if chain else 0):
        rest, tissue = name[cut:], re.fullmatch(r"(.*[cp])\d", name[:cut])
        others = {f"{tissue[1]}{number}{rest}" for number in range(1, 7)} - {name} if tissue else ()
        known = rest in beside or (rest[:1].isalpha() and not beside.isdisjoint(others))
        if known and has_number(rest):  # Anna is not what SPM made Susanna of
            return _before_spm(rest, beside)
    return name


def _before_series(name: str) -> str:
    """Return a name without its stamp where only contrast and number of the series come behind."""
    stamp = STAMP.search(name)
    if not stamp or not drop_words(name[: stamp.start()], words(VISIT, THING)):
        return name
    behind = drop_words(_PROTOCOL.sub(r"\1", name[stamp.end() :]), words(VISIT))
    return name[: stamp.start()] if re.fullmatch(r"(\d{1,4}[a-z]?)?", behind) else name


def to_person_number(name: str) -> str:
    """Cut after the person's number: what follows with no more digits is a visit, view or image.

    `00000001_003` is 00000001, `UPENN-GBM-00006_11` is UPENN-GBM-00006; `site1_012` stays.
    """
    numbers = list(re.finditer(r"\d+", name))
    if not numbers or not name.strip("0123456789."):  # a UID is nobody's number
        return name
    longest = max(len(number[0]) for number in numbers)
    last = next(number for number in numbers if len(number[0]) == longest)
    return name[: last.end()] + re.match(r"[^-_. ]*", name[last.end() :])[0]


def names_somebody(folder: str, nobody: re.Pattern) -> bool:
    """Whether more is left of a folder's name than the number of a batch, a visit or a contrast."""
    plain = _PROTOCOL.sub(r"\1", folder)
    left = "" if re.fullmatch(DATE, folder, re.VERBOSE | re.I) else drop_words(plain, nobody)
    return bool(left) and not (left.isdigit() and left != folder)


def has_number(name: str) -> bool:
    """Whether there is a digit in a name."""
    return any(map(str.isdigit, name))


def visit_level(folders: Collection[str], more: bool = False) -> str:
    """Say whether all of some folders are visits by their names: "surely", "perhaps" or "".

    `Termin 1` is one; `M12` and `190312` may be people. M0 among them makes sure, or two years.

    Args:
        folders: Their names.
        more: Whether there are visits beside them that are known as such, as a baseline.
    """
    unsure = [name for name in map(str.casefold, folders) if not _SURELY_VISIT.fullmatch(name)]
    found = [_PERHAPS_VISIT.fullmatch(name) for name in unsure]
    if not folders or not all(found):
        return ""
    baseline = any(one["letter"] and int(one["number"]) == 0 for one in found)
    years = {one["year"] for one in found if one["year"]}
    return "surely" if not unsure or more or baseline or len(years) > 1 else "perhaps"


def visit_words(name: str) -> set[str]:
    """Return the words of a name that say which visit or side it is."""
    visit = re.compile(VISIT, re.IGNORECASE | re.VERBOSE)
    return {word for word in re.split("[-_. ]+", name.casefold()) if visit.fullmatch(word)}


_DAY = re.compile(
    r"ses(sion)?\d*|wave\d*|visit\d*|v\d\d?|baseline|bl|followup\d*|fu\d*|screening|wk\d+"
    r"|(pre|post)(op|rt|tx|chemo|treatment|surgery)|(month|week|day|year)s?\d*|(tp|timepoint)\d*"
    r"|(19|20)\d{2}(\d{4})?",
    re.IGNORECASE,
)


def day_words(name: str) -> set[str]:
    """Return the words of a name that say on which of several days a scan was made."""
    return {word for word in re.split("[-_. ]+", name.casefold()) if _DAY.fullmatch(word)}

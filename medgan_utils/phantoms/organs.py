"""The codes of an abdomen's label map: one whole number for what every voxel shows most of."""

ORGANS = {
    "air": 0,
    "liver": 1,
    "tumour": 2,
    "fat": 3,
    "muscle": 4,
    "bone": 5,
    "lung": 6,
    "heart": 7,
    "vessel": 8,
    "spleen": 9,
    "kidney": 10,
    "stomach": 11,
    "bowel": 12,
    "pancreas": 13,
    "gallbladder": 14,
    "table": 15,
}
"""Name -> code of the label maps of `load_slices("liver-phantom", masks="organs")`.

Liver and tumour have the codes of LiTS, so that a rule made for its masks holds. Skin and mesentery
count as fat; spinal cord, glands and the diaphragm as muscle; cartilage and discs as bone; vessels
of liver and lung as liver and lung; what a hollow organ holds as the organ.
"""

BODY_TISSUES = ORGANS | {"liver_vessel": 16}
"""The same, of `masks="tissues"`: the vessels of the liver have a code of their own."""

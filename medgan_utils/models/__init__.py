"""Generators and discriminators, and the weights that come with the course."""

from .._lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "SpectralNormalization": "layers",
        "DepthToSpace": "layers",
        "SpaceToDepth": "layers",
        "dcgan_generator": "dcgan",
        "dcgan_discriminator": "dcgan",
        "fitted_direction": "latent",
        "sefa_directions": "latent",
        "map_generator": "translation",
        "map_discriminator": "translation",
        "patch_discriminator": "translation",
        "unet_generator": "unet",
        "fusion_generator": "unet",
        "save_generator": "checkpoints",
        "litert_answers": "export",
        "load_generator": "checkpoints",
        "load_card": "checkpoints",
        "checkpoint_names": "checkpoints",
        "export_generator": "export",
        "layer_operations": "operations",
        "vae_encoder": "rivals",
        "small_unet": "rivals",
    },
)

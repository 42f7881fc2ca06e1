"""The stock pipelines of diffusers, made of a loaded checkpoint's modules."""

from typing import Any


def stock_stages(model: Any) -> tuple[Any, Any]:
    """Return the pipelines of prior and decoder, without their bars."""
    from diffusers import DDPMWuerstchenScheduler
    from diffusers.pipelines.deprecated.wuerstchen import WuerstchenDecoderPipeline, WuerstchenPriorPipeline

    prior = WuerstchenPriorPipeline(
        tokenizer=model.prior.tokenizer,
        text_encoder=model.prior.text_encoder,
        prior=model.prior.denoiser,
        scheduler=DDPMWuerstchenScheduler(),
        latent_mean=model.latent_mean,
        latent_std=model.latent_std,
        resolution_multiple=model.resolution_multiple,
    )
    decoder = WuerstchenDecoderPipeline(
        tokenizer=model.decoder.tokenizer,
        text_encoder=model.decoder.text_encoder,
        decoder=model.decoder.denoiser,
        scheduler=DDPMWuerstchenScheduler(),
        vqgan=model.vqgan,
        latent_dim_scale=model.latent_dim_scale,
    )
    for pipeline in (prior, decoder):
        pipeline.set_progress_bar_config(disable=True)
    return prior, decoder

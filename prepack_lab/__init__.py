"""prepack_lab: why padded batches waste most of their prefill, and how prepacking wins it back.

    import prepack_lab as lab

    model, tokenizer = lab.load_model()
    prompts = lab.tokenize(tokenizer, ["The capital of Germany is", "Once upon a time"])
    tokens = lab.generate(model, prompts, method="prepacked")

The public face is in `__init__.pyi`. Each name is loaded from its module when it is first used, so that importing the
package costs no torch and no plotly.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

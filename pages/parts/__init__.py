"""The experiments: one folder a page, one file a part. The pages stand in the menu in this order."""

from pages.parts import activations, batch_norm, gradient_checking, initialization, mnist_training
from pages.shared.part import PAGES

for page in (initialization.PAGE, activations.PAGE, batch_norm.PAGE, gradient_checking.PAGE, mnist_training.PAGE):
    PAGES[page.stem] = page

"""One small experiment a module, each on top of the library.

Of depth: linear (a neuron, a chain, a product of matrices), symmetry (equal weights), random_networks (one kind, drawn often),
scales (unequal widths, and the gain).
Of activations: curves, by_hand, slopes, moment_map, dying, ranking. Of batch norm:
normalization, layer_list, input_scaling, sixteen_scales. Of training:
valley (the paths of optimizers), range_test (of learning rates), own_digit, variants, published (what books print, again),
by_layer (a look inside), overfitting, plain (a training as a script of NumPy alone), kept (a network as a file).
"""

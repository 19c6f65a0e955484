"""Words: from which number on a sentence says "healthy", "hardly" or "agree". One table for the whole program.

They are those of practice, not of theory; a change of one changes what the app says.
"""

# Batch norm
EPSILON_RULES = 0.5     # "ε holds most of the place under the root": ε's share of σ² + ε above this
FAR_OUT = 0.9           # "one value is far out": its |x̂| as a share of √(m − 1), which none can pass
ONLY_ORDER = 0.99       # "only their order is left" of two values: |x̂| at least this
UNDONE = 0.01           # "γ and β undo the normalisation": largest |y − x| in spreads of x
NOTHING_PASSES = 0.01   # "next to nothing is left" of a gradient: its norm over the norm that arrives
STRETCH_GONE = 0.01     # "the part that stretches is gone": |dx · x̂| over the product of the norms of the direct gradient and x̂
SETTLED = 0.95          # running statistics "are on their way" until they have gone this share of it
LAGS = 0.2              # the running mean "is still behind" a shift: by more than so many spreads
AGREE = 0.1             # training and use "agree": mean and spread of x̂ in use within this of 0 and 1
AGREE_ROUGHLY = 0.3     # they "agree roughly"
SMALL_BATCH = 8         # up to this size it is said that a batch sees only (m − 1)/m of the variance
BY_ITSELF = 100.0       # a plain network "keeps both by itself": spread and gradient within this factor through all layers
KEEPS_SPREAD = 10.0     # batch norm "keeps the spread": the last layer's within this factor of the inputs'
GROWS = 1.1             # the gradient "grows": by more than this factor a layer
AHEAD = 0.02            # one network is "ahead" of another: by more than this share of the images
LEARNS = 0.5            # a network "learns": it reads at least this share of the images

# MNIST training
GUESSING = 2.5          # a run is "stuck" below so many times the share of images that guessing reads, ...
GUESS_LOSS = 0.98       # ... at a loss no lower than this share of ln(classes)
FELL = 0.1              # the test accuracy "fell": by at least so much from its best
OVERFITS = 0.05         # "reads more of its training images than of new ones": by at least so much
BY_HEART = 0.995        # "knows its training images by heart": reads at least this share of them
READS_WELL = 0.95       # from this share of test images on no cure is sought
READS_FAIRLY = 0.9      # from this share on a run that is still learning is offered none
STILL_FALLS = 0.001     # "is learning": the training loss fell by more than this share since the evaluation before
ALIKE = 0.02            # "can hardly tell images apart": spread over images as a share of the size
HARDLY_ARRIVES = 0.01   # a first gradient is named when it is smaller than this share of the last one
HARDLY_MOVED = 0.03     # first weights moved "only" by less than this share of their size
BETTER = 0.05           # a cure is offered when its trial reads so many more of the test images than the run does
ENOUGH = 0.7            # ... and the first that reads this share is taken at once
HARDLY_STEPS = 1e-5     # a layer "hardly moves": a step changes its weights by less than this share of their length
LARGE_STEPS = 0.03      # ... "moves in large steps": by more than this share
SURE = 0.5              # a "surest mistake" was given at least this probability

# Random networks: signal and gradient over depth (diagnosis)
LOST = 1e3       # "vanishes", "explodes", "lost": factor between the first and the last layer
HARMLESS = 12.0  # "healthy": factor between first and last layer up to which one learning rate serves both ends
STEADY = 1.05    # "healthy" too: factor per layer up to which a hundred layers stay within about LOST
FLAT = 0.5       # "saturated": share of the pre-activations on a plateau
DEAD = 0.75      # "dead": share of units; half of them are off for every input where inputs have become alike
APART = 0.02     # "can hardly tell apart": spread over the data, as a share of the spread over everything

# Gradient checking
TESTED = 0.05           # "hardly anything could be compared": less than this share of the components
NO_STEP_HELPS = 1e-3    # "no ε helps", and "the error jumps": the error of a slope of about 1 is larger
AT_ROUNDING = 10.0      # a scheme "stays exact": its error is within so many roundings of the slope

# Activations
HARDLY_PASSES = 0.01    # "less than a hundredth of the gradient": |φ′| below this
ALMOST_FLAT = 0.05      # "almost no slope", "saturated": |φ′| below this share of the steepest
ZERO_CENTRED = 1e-6     # "zero-centred": |E[φ(z)]| for standard normal z below this
SILENT = 0.2            # units without slope are spoken of from this share of all units on
MORE_THAN_HALF = 0.5    # "more than half of the units" are off
AT_HOME = 0.01          # theory settles "at mean 0 and variance 1": both within this
WITHOUT_END = 1e30      # "grows without end": a moment passes this
DIED_OUT = 1e-12        # "dies out": mean square below this

# Phases
CRITICAL = 1030.0  # "this is the critical line": ξ beyond it, so that a hundred layers change the gradient's size by less than 5 %
ON_THE_LINE = 0.05 # the button to the critical line is shown if the control can come so near, as a share of σ_w

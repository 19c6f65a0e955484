"""What the app's claims stand on."""

REFERENCES = {  # key: (short form, in full)
    "notes": ("Lecture notes", "The course's lecture notes on training deep neural networks, by section."),
    "dlfs": ("Deep Learning from Scratch", "K. Saito, Deep Learning from Scratch, O'Reilly, chapters 5 and 6, and their scripts."),
    "geron": ("Géron", "A. Géron, Hands-On Machine Learning with Scikit-Learn, Keras and TensorFlow, O'Reilly, chapter 11."),
    "cs231n": ("CS231n", "Stanford CS231n, Convolutional Neural Networks for Visual Recognition, course notes and assignments."),
    "glorot": ("Glorot & Bengio 2010", "X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010."),
    "he": ("He et al. 2015", "K. He et al., Delving deep into rectifiers, arXiv:1502.01852."),
    "lecun": ("LeCun et al. 1998", "Y. LeCun et al., Efficient BackProp, in Neural Networks: Tricks of the Trade, 1998."),
    "saxe": ("Saxe et al. 2013", "A. Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear networks, arXiv:1312.6120."),
    "lsuv": ("Mishkin & Matas 2015", "D. Mishkin, J. Matas, All you need is a good init, arXiv:1511.06422."),
    "poole": ("Poole et al. 2016", "B. Poole et al., Exponential expressivity in deep neural networks through transient chaos, arXiv:1606.05340."),
    "schoenholz": ("Schoenholz et al. 2017", "S. Schoenholz et al., Deep information propagation, arXiv:1611.01232."),
    "selu": ("Klambauer et al. 2017", "G. Klambauer et al., Self-normalizing neural networks, arXiv:1706.02515."),
    "elu": ("Clevert et al. 2015", "D.-A. Clevert et al., Fast and accurate deep network learning by exponential linear units, arXiv:1511.07289."),
    "maas": ("Maas et al. 2013", "A. Maas et al., Rectifier nonlinearities improve neural network acoustic models, ICML 2013."),
    "ioffe": ("Ioffe & Szegedy 2015", "S. Ioffe, C. Szegedy, Batch normalization, arXiv:1502.03167."),
    "yang": ("Yang et al. 2019", "G. Yang et al., A mean field theory of batch normalization, arXiv:1902.08129."),
    "squire": ("Squire & Trapp 1998", "W. Squire, G. Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40, 1998."),
    "adam": ("Kingma & Ba 2014", "D. Kingma, J. Ba, Adam: a method for stochastic optimization, arXiv:1412.6980."),
    "smith": ("Smith 2017", "L. Smith, Cyclical learning rates for training neural networks, arXiv:1506.01186."),
    "srivastava": ("Srivastava et al. 2014", "N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 15, 2014."),
}

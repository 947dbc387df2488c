"""Lists of words, ours: closed classes of English, and names of places and makers. All in lower case.

The closed classes are meant to be complete, with what people write without an apostrophe; the lists of names are not,
so that a name that is missing counts among the other words.
"""

from __future__ import annotations

from benchmarks.semantics.people import GIVEN_NAMES

NEGATIONS = frozenset(
    """
    no not never none nothing nobody nowhere neither nor without cannot ain't aint dont doesnt didnt isnt arent wasnt
    werent hasnt havent hadnt wont wouldnt cant couldnt shouldnt mustnt
    """.split()
)

QUESTIONS = frozenset("what when where which who whom whose why how whats wheres whens hows whos".split())

NUMBERS = frozenset(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand thousands million
    millions billion half quarter dozen percent dollar dollars euro euros pound pounds cent cents usd eur gbp
    """.split()
)

FUNCTION_WORDS = frozenset(
    """
    a an the this that these those i me my mine myself you your yours yourself he him his she her hers it its we us our
    ours they them their theirs there here some any each every all both other another such same
    and or but if then than so as because while although though whether until since
    of in on at by to from for with about into onto over under after before between through during against within out
    up down off again
    am is are was were be been being do does did doing done have has had having will would shall should can could may
    might must ought let please just also too very only even still already yet now im ive id ill youre theres thats
    s t re ve ll d m
    """.split()
)

COUNTRIES = frozenset(
    """
    america australia austria brazil britain canada denmark egypt england finland france germany greece india ireland
    israel italy japan korea mexico netherlands nigeria norway poland portugal russia scotland spain sweden switzerland
    thailand turkey vietnam zambia
    """.split()
)

NATIONALITIES = frozenset(
    """
    american australian brazilian british canadian chinese danish dutch egyptian english european finnish french german
    greek indian irish israeli italian japanese korean mexican norwegian polish portuguese russian scottish spanish
    swedish swiss thai turkish vietnamese
    """.split()
)

STATES = frozenset(
    """
    alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois
    indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri montana
    nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia wisconsin wyoming
    """.split()
)

CITIES = frozenset(
    """
    amsterdam athens atlanta austin barcelona beijing berlin boston cairo chicago dallas delhi denver detroit dubai
    dublin houston istanbul jakarta lagos london madrid melbourne miami milan moscow mumbai munich oakland orlando paris
    philadelphia phoenix prague rome seattle seoul shanghai singapore sydney tokyo toronto venice vienna washington
    """.split()
)

# Of names of several words, the word that says most; and what has no other name of its kind.
OTHER_PLACES = frozenset("carolina dakota europe manhattan uk usa vegas york zealand".split())

MAKERS = frozenset(
    """
    adidas airbnb amazon amex android apple bmw chevy chrome delta disney ebay facebook fedex ford gmail google
    honda ibm instagram iphone linkedin lyft mastercard mcdonalds microsoft netflix nike nissan olly pandora paypal
    pepsi pinterest samsung skype sony spotify starbucks subaru tesla tinder toyota twitter uber verizon
    walmart whatsapp yahoo yelp youtube
    """.split()
)

NAMES = GIVEN_NAMES | COUNTRIES | NATIONALITIES | STATES | CITIES | OTHER_PLACES | MAKERS

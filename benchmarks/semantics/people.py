"""Names of people by origin and by script, and messages that begin with one.

Ours: of each origin eight full names that are common there. Most given names of "English" and "African American", and
the idea of comparing by name, are those of Bertrand and Mullainathan 2004 (doi 10.1257/0002828042002561). A group says
how the encoder treats such names, not who bears them.
"""

from __future__ import annotations

from random import Random

NAMES = {
    "English": "Emily Walsh, Greg Baker, Anne Murphy, Matthew Kelly, Sarah Sullivan, Brad Ryan, Laurie Clark, "
    "Todd Evans",
    "African American": "Lakisha Washington, Jamal Jones, Latoya Jackson, Darnell Robinson, Tamika Williams, "
    "Tyrone Harris, Keisha Booker, Kareem Jefferson",
    "Hispanic": "María González, José Hernández, Guadalupe Ramírez, Jesús Rodríguez, Ximena Gutiérrez, "
    "Alejandro Vázquez, Juana Quiñones, Santiago Ibáñez",
    "Arabic": "Fatima Al-Sayed, Mohammed Abdelrahman, Aisha Haddad, Khalid Al-Khatib, Zainab Mansour, "
    "Abdullah Qureshi, Noor Shaheen, Yusuf Bakkali",
    "Chinese": "Xiuying Wang, Wei Zhang, Qiang Liu, Yuxuan Chen, Zihan Zhao, Xueqin Xu, Jianguo Huang, Meiling Guo",
    "Indian": "Priya Venkataraman, Rajesh Subramanian, Lakshmi Iyer, Sandeep Chaudhary, Ananya Mukherjee, "
    "Harpreet Bhatia, Deepika Krishnamurthy, Vikram Deshpande",
    "Nigerian": "Chidinma Okonkwo, Oluwaseun Adeyemi, Ngozi Eze, Babatunde Ogunleye, Adaeze Nwosu, Chukwuemeka Obi, "
    "Folasade Akinwale, Ifeoma Uzochukwu",
    "Vietnamese": "Nguyễn Thị Hương, Trần Văn Dũng, Lê Ngọc Ánh, Phạm Quốc Bảo, Hoàng Thu Trang, Đặng Minh Khôi, "
    "Bùi Thanh Thủy, Võ Hữu Nghĩa",
    "Slavic": "Oksana Kovalchuk, Zbigniew Wiśniewski, Svetlana Yevtushenko, Mykhailo Shevchenko, "
    "Małgorzata Szczepańska, Vladislav Kuznetsov, Božena Hrubá, Dragoslav Petrović",
}
BASELINE = "English"

# "Hello, my name is ..." in the language, with four names each.
SCRIPTS = {
    "Cyrillic": ("Здравствуйте, меня зовут {}.", "Ольга Смирнова, Дмитрий Иванов, Наталья Петрова, Сергей Кузнецов"),
    "Greek": ("Γεια σας, με λένε {}.", "Ελένη Παπαδοπούλου, Γιώργος Νικολάου, Μαρία Γεωργίου, Κώστας Δημητρίου"),
    "Arabic script": ("مرحبا، اسمي {}.", "فاطمة السيد, محمد عبد الرحمن, عائشة حداد, خالد الخطيب"),
    "Hebrew": ("שלום, שמי {}.", "יעל כהן, משה לוי, תמר מזרחי, דוד פרץ"),
    "Devanagari": ("नमस्ते, मेरा नाम {} है।", "प्रिया शर्मा, राजेश कुमार, लक्ष्मी देवी, विक्रम सिंह"),
    "Han": ("你好，我叫{}。", "王秀英, 张伟, 刘强, 陈雨轩"),  # noqa: RUF001
    "Hangul": ("안녕하세요, 제 이름은 {}입니다.", "김서연, 이민준, 박지훈, 최수빈"),
    "Thai": ("สวัสดีค่ะ ฉันชื่อ {}", "สมชาย ใจดี, มาลี ศรีสุข, ประยุทธ์ ทองดี, กัญญา วงศ์ไทย"),
}

# Given names that data sets use.
COMMON_NAMES = frozenset(
    """
    adam alex alice allen amy andrew anna ben bob brian charles chris daniel dave david diana donald elizabeth emma
    eric frank george harry helen henry jack jacob james jane jason jeff jennifer jenny jessica jim joe john johnny
    joseph julia karen kate kevin kim larry laura linda lisa lucy maria mary michael mike nancy nick paul peter philip
    rachel robert roger sally sam sandra simon steve steven stuart susan thomas tim tom tony
    """.split()
)
GIVEN_NAMES = COMMON_NAMES | {name.split()[0].lower() for names in NAMES.values() for name in names.split(", ")}


def introduced(origin: str, chance: Random, text: str) -> str:
    """A message after the name of who writes it.

    :param origin: One of ``NAMES``.
    """
    return f"hi, my name is {chance.choice(NAMES[origin].split(', '))}. {text}"


def greeted(script: str, chance: Random, text: str) -> str:
    """A message after a greeting and a name in another script.

    :param script: One of ``SCRIPTS``.
    """
    greeting, names = SCRIPTS[script]
    return f"{greeting.format(chance.choice(names.split(', ')))} {text}"

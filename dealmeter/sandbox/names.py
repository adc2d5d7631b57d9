"""Believable names of people and companies in four scripts, all invented, all on example domains."""

import re
import unicodedata
from collections.abc import Sequence
from random import Random
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Name(NamedTuple):
    """A name as written at home, and its Latin spelling for addresses."""

    text: str
    latin: str


class Culture(NamedTuple):
    """Where names come from. `company` is how a company is called there, given its founder's or brand's name."""

    countries: tuple[tuple[str, str], ...]
    first: tuple[Name, ...]
    last: tuple[Name, ...]
    companies: tuple[str, ...]
    brands: tuple[Name, ...]


def _names(text: str) -> tuple[Name, ...]:
    return tuple(Name(*(pair.split("/") if "/" in pair else (pair, pair))) for pair in text.split())


_ENGLISH = Culture(
    (("United Kingdom", "Leeds"), ("United States", "Denver"), ("Ireland", "Cork"), ("Germany", "Köln")),
    _names(
        "Alice Benjamin Clara Daniel Edith Felix Grace Henry Isla Jonas Karen Liam Maya Nathan Olive Peter Ruth Simon"
    ),
    _names("Ashby Barlow Carver Denholm Ellery Fairley Garrick Holloway Ingram Jessop Kirkby Langton Merrow Norwood"),
    ("{} Ltd", "{} & Sons", "{} Group", "{} Systems", "{} Logistics"),
    _names(
        "Northwharf Brightmoor Copperleaf Larkfield Stonebeck Tidewell Elmgate Foxhollow Rivermark Saltmarsh Quillon"
    ),
)
_PERSIAN = Culture(
    (("Iran", "شیراز"), ("Iran", "تبریز"), ("Iran", "اصفهان"), ("United Arab Emirates", "Dubai")),
    _names(
        "آرش/Arash بهار/Bahar کاوه/Kaveh دریا/Darya الهام/Elham فرهاد/Farhad گلناز/Golnaz هومن/Hooman ژاله/Zhaleh "
        "لیلا/Leyla مریم/Maryam نیما/Nima پریسا/Parisa رضا/Reza سارا/Sara یاسمن/Yasaman"
    ),
    _names(
        "احمدی/Ahmadi بهرامی/Bahrami جمشیدی/Jamshidi کاظمی/Kazemi مرادی/Moradi نوری/Nouri پارسا/Parsa رستمی/Rostami "
        "صادقی/Sadeghi طاهری/Taheri وحیدی/Vahidi یزدانی/Yazdani"
    ),
    ("شرکت {}", "گروه صنعتی {}", "بازرگانی {}", "فناوری {}"),
    _names("آفتاب/Aftab البرز/Alborz نیلوفر/Niloufar پارسیان/Parsian سپهر/Sepehr زاگرس/Zagros کیمیا/Kimia مهر/Mehr"),
)
_TURKISH = Culture(
    (("Türkiye", "İstanbul"), ("Türkiye", "İzmir"), ("Türkiye", "Ankara"), ("Türkiye", "Bursa")),
    _names("Ayşe Barış Ceren Deniz Elif Fatma Gökhan Hülya Işıl Kerem Melis Nazlı Onur Özge Selin Şule Umut Yiğit"),
    _names("Acar Bulut Çelik Demirkan Ergin Fırat Güneş Karataş Özdemir Polat Soylu Şimşek Taşçı Uçar Yıldırım Zengin"),
    ("{} A.Ş.", "{} Ticaret Ltd. Şti.", "{} Lojistik", "{} Yazılım", "{} Gıda"),
    _names("Anadolu Boğaziçi Çınar Dağdeviren Ege Işık Karadeniz Marmara Öncü Pınar Şafak Toros Üçyıldız"),
)
_RUSSIAN = Culture(
    (("Kazakhstan", "Алматы"), ("Armenia", "Ереван"), ("Georgia", "Tbilisi"), ("Serbia", "Београд")),
    _names(
        "Анна/Anna Борис/Boris Вера/Vera Глеб/Gleb Дарья/Darya Егор/Egor Зоя/Zoya Игорь/Igor Ксения/Ksenia Лев/Lev "
        "Мария/Maria Олег/Oleg Павел/Pavel Юлия/Yulia"
    ),
    _names(
        "Белов/Belov Волков/Volkov Громов/Gromov Зимин/Zimin Ковалёв/Kovalev Лапин/Lapin Морозов/Morozov Носов/Nosov "
        "Орлов/Orlov Рябов/Ryabov Седов/Sedov Щукин/Shchukin"
    ),
    ("ООО «{}»", "АО «{}»", "{}-Сервис", "Торговый дом «{}»"),
    _names("Вектор/Vektor Гранит/Granit Заря/Zarya Маяк/Mayak Прогресс/Progress Сокол/Sokol Эталон/Etalon Якорь/Yakor"),
)
CULTURES: tuple[Culture, ...] = (_ENGLISH, _TURKISH, _PERSIAN, _RUSSIAN)
_SHARES = (0.46, 0.74, 0.89, 1.0)
_DOMAINS = ("example.com", "example.org", "example.net")


def culture(rng: Random) -> Culture:
    """Mostly English and Turkish, some Persian and Russian."""
    draw = rng.random()
    return next(found for found, share in zip(CULTURES, _SHARES, strict=True) if draw <= share)


def culture_of(country: str) -> Culture:
    """Whose names people have in a country."""
    return next(found for found in CULTURES if country in (name for name, _city in found.countries))


def pick(rng: Random, choices: Sequence[T]) -> T:
    """One of them, several times faster than `Random.choice`."""
    return choices[int(rng.random() * len(choices))]


def company(rng: Random, of: Culture, number: int) -> Name:
    """A company's name; the number goes into the domain and keeps it unique."""
    brand = pick(rng, of.brands)
    root = brand if rng.random() < 0.5 else pick(rng, of.last)
    text = pick(rng, of.companies).format(root.text)
    return Name(text, f"{slug(root.latin)}{number}")


def domain(rng: Random, latin: str) -> str:
    return f"{latin}.{pick(rng, _DOMAINS)}"


_PLAIN = str.maketrans("ıİşŞğĞçÇöÖüÜ", "iIsSgGcCoOuU")


def slug(text: str) -> str:
    """Letters and digits of a name, as an e-mail address wants them."""
    flat = unicodedata.normalize("NFKD", text.translate(_PLAIN)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "", flat.lower())

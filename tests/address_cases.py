"""Addresses and their parts, by the conventions of each country.

USPS Publication 28, Royal Mail's guide to addressing, DIN 5008, NF Z 10-011 (La Poste), AS 4590 and NEN 5825,
as the country pages of the Universal Postal Union sum them up. The parts follow the address, further lines of
them indented by more.
"""

from __future__ import annotations

import re

_CASES = r"""
US: 123 Main St Springfield IL 62701
    number 123; street Main; street_type street; locality Springfield; region il; postcode 62701
US: 123 Main St St Louis MO 63101
    number 123; street Main; street_type street; locality St Louis; region mo; postcode 63101
US: 12 St James St
    number 12; street St James; street_type street
US: 1234 Dr Martin Luther King Jr Blvd, Atlanta GA 30303
    number 1234; street Dr Martin Luther King Jr; street_type boulevard; locality Atlanta; region ga;
      postcode 30303
US: 350 5th Ave Fl 20, New York, NY 10118
    number 350; street 5th; street_type avenue; unit 20; locality New York; region ny; postcode 10118
US: 1201 E St NW, Washington DC 20004
    number 1201; street E; street_type street; directional nw; locality Washington; region dc; postcode 20004
US: 123 N Main St SW, Ames, IA
    number 123; directional n sw; street Main; street_type street; locality Ames; region ia
US: 45 Avenue B, New York, NY 10009
    number 45; street B; street_type avenue; locality New York; region ny; postcode 10009
US: 123 County Road 5, Ames IA 50010
    number 123; street 5; street_type county road; locality Ames; region ia; postcode 50010
US: RR 2 Box 15, Smallville KS 66002
    street 2; street_type rural route; po_box 15; locality Smallville; region ks; postcode 66002
US: 123 Main St Rear, Boston MA 02108, USA
    number 123; street Main; street_type street; unit Rear; locality Boston; region ma; postcode 02108
US: 5 Front St, Newport, RI 02840
    number 5; street Front; street_type street; locality Newport; region ri; postcode 02840
US: 4 Elm Ct, Hartford, CT
    number 4; street Elm; street_type court; locality Hartford; region ct
US: 100 Oak Ct
    number 100; street Oak; street_type court
US: 100 Main St #4B, Salem, OR
    number 100; street Main; street_type street; unit 4B; locality Salem; region or
GB: Flat 2 The Laurels 15 Church Road Leeds LS6 1AB
    unit 2; building The Laurels; number 15; street Church; street_type road; locality Leeds; postcode LS6 1AB
GB: Buckingham Palace, London SW1A 1AA
    building Buckingham Palace; locality London; postcode SW1A 1AA
GB: 1 Chapel Hill, Heswall, BOURNEMOUTH\nBH1 1AA
    number 1; street Chapel; street_type hill; locality Heswall, BOURNEMOUTH; postcode BH1 1AA
GB: 2/1, 45 Hope Street, Glasgow G2 6AE
    unit 2/1; number 45; street Hope; street_type street; locality Glasgow; postcode G2 6AE
GB: 12 High Street North, East Ham, London E6 2HJ
    number 12; street High; street_type street; directional n; locality East Ham, London; postcode E6 2HJ
GB: 1 North Street, London
    number 1; street North; street_type street; locality London
GB: Ground Floor Flat, 12 A Hill Street, Ely, Cambs CB7 4LJ
    unit Ground Floor Flat; number 12A; street Hill; street_type street; locality Ely;
      region cambridgeshire; postcode CB7 4LJ
GB: No. 7, Acacia Avenue, Pinner HA5 1AA
    number 7; street Acacia; street_type avenue; locality Pinner; postcode HA5 1AA
GB: 12 The Avenue, Durham DH1 4ED
    number 12; street The Avenue; locality Durham; postcode DH1 4ED
GB: 10 High St St Albans AL3 4EL
    number 10; street High; street_type street; locality St Albans; postcode AL3 4EL
DE: Hauptstr.12-14, 10117 Berlin
    street Hauptstraße; number 12-14; postcode 10117; locality Berlin
DE: HAUPTSTR. 5 12345 BERLIN
    street HAUPTSTRASSE; number 5; postcode 12345; locality BERLIN
DE: 10117 Berlin, Unter den Linden 77
    street Unter den Linden; number 77; postcode 10117; locality Berlin
DE: Platz der Republik 1\n11011 Berlin\nDeutschland
    street der Republik; street_type platz; number 1; postcode 11011; locality Berlin
DE: Berliner Straße 5 Whg 3, 50667 Köln
    street Berliner; street_type straße; number 5; unit 3; postcode 50667; locality Köln
DE: Alter Markt 7 // W 35, 50667 Köln
    street Alter Markt; number 7; unit 35; postcode 50667; locality Köln
DE: Postfach 10 01 52, 50441 Köln
    po_box 100152; postcode 50441; locality Köln
DE: Q5, 14-22, 68161 Mannheim
    street Q5; number 14-22; postcode 68161; locality Mannheim
FR: 12, rue de la Paix, 75002 Paris Cedex 02
    number 12; street_type rue; street de la Paix; postcode 75002; locality Paris Cedex 02
FR: 12 r de Rivoli 75001 Paris
    number 12; street_type rue; street de Rivoli; postcode 75001; locality Paris
FR: 12 B rue du Bac, 75007 Paris
    number 12B; street_type rue; street du Bac; postcode 75007; locality Paris
FR: 12 Grande Rue, 25000 Besançon
    number 12; street Grande; street_type rue; postcode 25000; locality Besançon
FR: Résidence Les Pins Bât C 5 allée des Roses 33000 Bordeaux
    building Résidence Les Pins, Bât C; number 5; street_type allée; street des Roses; postcode 33000;
      locality Bordeaux
FR: 33 avenue du Général Leclerc BP 42 92260 Fontenay-aux-Roses
    number 33; street_type avenue; street du Général Leclerc; po_box 42; postcode 92260;
      locality Fontenay-aux-Roses
FR: 1 rue de la Porte Dorée, 75012 Paris
    number 1; street_type rue; street de la Porte Dorée; postcode 75012; locality Paris
FR: 5 rue Monge 3ème étage 75005 Paris
    number 5; street_type rue; street Monge; unit 3ème; postcode 75005; locality Paris
NL: Kerkstr. 12 bis, 3512 AB Utrecht
    street Kerkstraat; number 12 bis; postcode 3512 AB; locality Utrecht
NL: Plein 1944 10, 6511 JC Nijmegen
    street Plein 1944; number 10; postcode 6511 JC; locality Nijmegen
NL: Keizersgracht 123 3 hoog, 1015CJ Amsterdam
    street Keizersgracht; number 123; unit 3; postcode 1015 CJ; locality Amsterdam
NL: Lange Voorhout 12-14 hs, 2514 EA Den Haag
    street Lange Voorhout; number 12-14 hs; postcode 2514 EA; locality Den Haag
NL: Postbus 12345, 2500 BD Den Haag
    po_box 12345; postcode 2500 BD; locality Den Haag
AU: Unit 3/12 Smith St, Richmond VIC 3121
    unit 3; number 12; street Smith; street_type street; locality Richmond; region vic; postcode 3121
AU: 12A/3 Jones Street Carlton Victoria 3053
    unit 12A; number 3; street Jones; street_type street; locality Carlton; region vic; postcode 3053
AU: Level 5, 100 George Street, Sydney NSW 2000
    unit 5; number 100; street George; street_type street; locality Sydney; region nsw; postcode 2000
AU: Locked Bag 12, Perth WA 6000
    po_box 12; locality Perth; region wa; postcode 6000
US: 1234 N State Hwy 5, Ames IA
    number 1234; directional n; street 5; street_type state highway; locality Ames; region ia
US: 1600 Pennsylvania Ave., N.W., Washington, D.C. 20500
    number 1600; directional nw; street Pennsylvania; street_type avenue; locality Washington; region dc;
      postcode 20500
US: 1251 Avenue of the Americas, New York, NY 10020
    number 1251; street of the Americas; street_type avenue; locality New York; region ny; postcode 10020
DE: Hauptstr. 12 (Hinterhaus), 12345 Ort
    unit Hinterhaus; number 12; street Hauptstraße; locality Ort; postcode 12345
DE: DE-10117 Berlin, Friedrichstr. 43
    number 43; street Friedrichstraße; locality Berlin; postcode 10117
FR: 15 rue Jean Jaurès - 93200 Saint-Denis
    number 15; street Jean Jaurès; street_type rue; locality Saint-Denis; postcode 93200
IT: Via Roma 12, 00184 Roma
    street Via Roma; number 12; postcode 00184; locality Roma
"""


def address_cases() -> list[tuple[str, str, dict[str, str]]]:
    """Country, address and parts of each case."""
    cases = []
    for case in re.split(r"\n(?=[A-Z])", _CASES.strip()):
        address, *parts = case.split("\n")
        country, _, text = address.partition(": ")
        found = dict(part.split(" ", 1) for part in " ".join(map(str.strip, parts)).split("; "))
        cases.append((country, text.replace("\\n", "\n"), found))
    return cases

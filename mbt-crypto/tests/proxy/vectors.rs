//! `tests/data/proxy/vectors.json`: one story of a book, step by step, for every implementation of
//! the rules. `UPDATE=1 cargo test -p mbt-crypto --test proxy vectors` writes it anew.

use mbt_crypto::{
    Address, H256, RecoveryPolicy, SecretKey, Signature, U256,
    eip712::TypedStruct,
    keccak256,
    proxy::{
        Membership, ProxyOp, Revocation, Scope, Signed, Terms, Thresholds, Warrant, WarrantBook,
    },
};
use serde_json::{Value, json};

use crate::world::{EPOCH, World, key, memberships, payout, scope, terms};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/proxy/vectors.json");
const ABOUT: &str = "Proxy signatures: EIP-712 structs under the domain, signatures r,s,v with v \
    27 or 28. Steps run in order on one book of the ring; each has exactly one fault, or the verdict \
    ok. A refused step changes nothing. A signature that cannot be read counts as Signature.";

/// Text of a number, an address or bytes.
fn text(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

fn rsv(signature: &Signature) -> String {
    format!("0x{}", hex::encode(signature.to_rsv()))
}

fn digests<T: TypedStruct>(world: &World, signed: &Signed<T>, mut fields: Value) -> Value {
    fields["structHash"] = text(&signed.message.hash_struct()).into();
    fields["digest"] = text(&world.book.domain().digest(&signed.message)).into();
    fields["signature"] = rsv(&signed.signature).into();
    fields
}

fn warrant_json(world: &World, signed: &Signed<Warrant>) -> Value {
    let w = &signed.message;
    digests(
        world,
        signed,
        json!({
            "league": text(&w.league), "delegator": text(&w.delegator), "proxy": text(&w.proxy),
            "epoch": w.epoch, "validFrom": w.valid_from, "validUntil": w.valid_until,
            "scope": text(&w.scope), "perTxCap": w.per_tx_cap.to_string(),
            "windowCap": w.window_cap.to_string(), "serial": w.serial.to_string(),
        }),
    )
}

fn revocation_json(world: &World, signed: &Signed<Revocation>) -> Value {
    let r = &signed.message;
    digests(
        world,
        signed,
        json!({
            "league": text(&r.league), "delegator": text(&r.delegator), "proxy": text(&r.proxy),
            "epoch": r.epoch, "serial": r.serial.to_string(),
        }),
    )
}

fn membership_json(world: &World, signed: &Signed<Membership>) -> Value {
    let m = &signed.message;
    digests(
        world,
        signed,
        json!({
            "league": text(&m.league), "epoch": m.epoch, "member": text(&m.member),
        }),
    )
}

fn op_json(world: &World, signed: &Signed<ProxyOp>) -> Value {
    let op = &signed.message;
    digests(
        world,
        signed,
        json!({
            "league": text(&op.league), "epoch": op.epoch, "proxy": text(&op.proxy),
            "principals": format!("{:#x}", op.principals), "warrantRoot": text(&op.warrant_root),
            "opKind": text(&op.op_kind), "transferId": text(&op.transfer_id),
            "leagueTxHash": text(&op.league_tx_hash),
            "leagueBlockHash": text(&op.league_block_hash),
            "to": text(&op.to), "amount": op.amount.to_string(), "deadline": op.deadline,
        }),
    )
}

/// The story as it is told the first time.
struct Script {
    world: World,
    steps: Vec<Value>,
}

impl Script {
    fn register(&mut self, name: &str, signed: &Signed<Warrant>, height: u64, verdict: &str) {
        let seen = code(self.world.book.register(signed, &scope(), height));
        assert_eq!(seen, verdict, "{name}");
        let kinds: Vec<_> = scope().kinds().iter().map(text).collect();
        self.steps.push(json!({
            "name": name, "do": "register", "height": height, "verdict": verdict,
            "warrant": warrant_json(&self.world, signed), "scope": kinds,
        }));
    }

    fn revoke(&mut self, name: &str, signed: &Signed<Revocation>, verdict: &str) {
        assert_eq!(code(self.world.book.revoke(signed)), verdict, "{name}");
        self.steps.push(json!({
            "name": name, "do": "revoke", "verdict": verdict,
            "revocation": revocation_json(&self.world, signed),
        }));
    }

    fn transfer(&mut self, name: &str, ops: &[Signed<ProxyOp>], height: u64, verdict: &str) {
        let seen = self.world.book.apply(ops, height);
        let mut step = json!({
            "name": name, "do": "transfer", "height": height, "verdict": verdict,
            "operations": ops.iter().map(|op| op_json(&self.world, op)).collect::<Vec<_>>(),
        });
        if let Ok(authorisation) = &seen {
            step["covered"] = format!("{:#x}", authorisation.covered).into();
            let signer = |signer: &mbt_crypto::proxy::Signer| {
                let principals: Vec<_> = signer.principals.iter().map(text).collect();
                json!({ "proxy": text(&signer.proxy), "principals": principals })
            };
            step["signers"] = authorisation.signers.iter().map(signer).collect();
        }
        assert_eq!(code(seen), verdict, "{name}");
        self.steps.push(step);
    }

    fn open_next(&mut self, name: &str, ring: &[Signed<Membership>], height: u64, verdict: &str) {
        let thresholds = Thresholds::for_ring(7).unwrap();
        let ring_json: Vec<_> = ring.iter().map(|m| membership_json(&self.world, m)).collect();
        assert_eq!(code(self.world.book.open_next(ring, thresholds, height)), verdict, "{name}");
        self.steps.push(json!({
            "name": name, "do": "open_next", "height": height, "verdict": verdict,
            "ring": ring_json, "thresholds": {
                "principals": thresholds.principals, "proxies": thresholds.proxies,
            },
        }));
    }

    fn warrants(&mut self) {
        for delegator in 0..7 {
            for proxy in [0, 1, 2] {
                if delegator != proxy {
                    let warrant = self.world.sign_warrant(&self.world.warrant(delegator, proxy));
                    self.register(&format!("{delegator} to {proxy}"), &warrant, 10, "ok");
                }
            }
        }
        let world = self.world.clone();
        let next = Warrant { serial: 2, ..world.warrant(6, 2) };
        let sign = |warrant: Warrant| world.sign_warrant(&warrant);
        for (name, warrant, verdict) in [
            ("the same again", world.warrant(6, 2), "StaleSerial"),
            ("the greatest serial", Warrant { serial: u64::MAX, ..next }, "LastSerial"),
            ("serial zero", Warrant { serial: 0, ..next }, "StaleSerial"),
            ("another league", Warrant { league: Address([2; 20]), ..next }, "WrongLeague"),
            ("an old epoch", Warrant { epoch: EPOCH - 1, ..next }, "WrongEpoch"),
            (
                "over at this height",
                Warrant { valid_until: 9, valid_from: 0, ..next },
                "NeverValid",
            ),
            (
                "ends before it starts",
                Warrant { valid_from: 90, valid_until: 80, ..next },
                "NeverValid",
            ),
            ("no cap", Warrant { per_tx_cap: 0.into(), ..next }, "Caps"),
            ("caps the wrong way round", Warrant { per_tx_cap: 121.into(), ..next }, "Caps"),
            (
                "cap above the supply",
                Warrant { window_cap: U256::exp10(27) * 2 + 1, ..next },
                "Caps",
            ),
            ("another scope", Warrant { scope: keccak256([]), ..next }, "WrongScope"),
            ("to itself", Warrant { proxy: next.delegator, ..next }, "SelfDelegation"),
            ("to a stranger", Warrant { proxy: key(9).address(), ..next }, "NotMember"),
        ] {
            self.register(name, &sign(warrant), 10, verdict);
        }
        let by_the_proxy = Signed::new(&world.keys[2], world.book.domain(), next);
        self.register("signed by the proxy", &by_the_proxy, 10, "Signature");
        let message = mbt_crypto::eip191::sign_message(
            &world.keys[6],
            world.book.domain().digest(&next).as_bytes(),
        );
        self.register(
            "signed as a message",
            &Signed { message: next, signature: message },
            10,
            "Signature",
        );
        let elsewhere = mbt_crypto::proxy::domain(5_063_253.into(), terms().papc);
        let elsewhere = Signed::new(&world.keys[6], &elsewhere, next);
        self.register("signed for another chain", &elsewhere, 10, "Signature");
        let mut high = sign(next);
        high.signature = high_s(&high.signature);
        self.register("high s", &high, 10, "Signature");
    }

    fn transfers(&mut self) {
        let world = self.world.clone();
        let base = |id, amount| {
            [
                world.op(0, &[3, 4], id, amount),
                world.op(1, &[3], id, amount),
                world.op(2, &[], id, amount),
            ]
        };
        let good = world.signed(&base(1, 40));
        let edit = |index: usize, change: &dyn Fn(&mut ProxyOp)| {
            let mut ops = good.clone();
            let mut op = ops[index].message;
            change(&mut op);
            ops[index] = world.sign(&op);
            ops
        };
        let all = |change: &dyn Fn(&mut ProxyOp)| {
            let mut ops = base(1, 40);
            ops.iter_mut().for_each(change);
            world.signed(&ops)
        };
        let of = |member: usize| {
            good.iter().position(|op| op.message.proxy == world.address(member)).unwrap()
        };
        for (name, ops, height, verdict) in [
            ("no operation", vec![], 10, "Operations"),
            ("unsorted", good.iter().rev().copied().collect(), 10, "NotAscending"),
            ("one twice", vec![good[0], good[0], good[1]], 10, "NotAscending"),
            (
                "four principals",
                world.signed(&[
                    world.op(0, &[3], 1, 40),
                    world.op(1, &[], 1, 40),
                    world.op(2, &[3], 1, 40),
                ]),
                10,
                "TooFewPrincipals",
            ),
            (
                "one proxy for all",
                world.signed(&[world.op(0, &[1, 2, 3, 4, 5, 6], 1, 40)]),
                10,
                "TooFewProxies",
            ),
            ("after the deadline", good.clone(), 901, "DeadlinePassed"),
        ] {
            self.transfer(name, &ops, height, verdict);
        }
        for (name, ops, verdict) in [
            ("amounts differ", edit(2, &|op| op.amount = 41.into()), "Differs"),
            ("recipients differ", edit(2, &|op| op.to = Address([8; 20])), "Differs"),
            ("epochs differ", edit(2, &|op| op.epoch -= 1), "WrongEpoch"),
            ("another league", all(&|op| op.league = Address([2; 20])), "WrongLeague"),
            ("nothing moves", all(&|op| op.amount = 0.into()), "Amount"),
            ("above one transfer's cap", all(&|op| op.amount = 51.into()), "AboveCap"),
            ("out of scope", all(&|op| op.op_kind = H256([3; 32])), "OutOfScope"),
            (
                "itself as principal",
                edit(of(0), &|op| op.principals |= U256::one()),
                "SelfPrincipal",
            ),
            (
                "a bit beyond the ring",
                edit(of(0), &|op| op.principals |= U256::one() << 7),
                "UnknownPrincipal",
            ),
            (
                "a principal more than the root",
                edit(of(0), &|op| op.principals |= U256::one() << 5),
                "WrongWarrants",
            ),
            (
                "without its warrants",
                edit(of(0), &|op| op.warrant_root = keccak256([])),
                "WrongWarrants",
            ),
        ] {
            self.transfer(name, &ops, 10, verdict);
        }
        self.made(&good, base);
    }

    fn made(&mut self, good: &[Signed<ProxyOp>], base: impl Fn(u8, u64) -> [ProxyOp; 3]) {
        let world = self.world.clone();
        let mut forged = good.to_vec();
        forged[1] = Signed::new(&world.keys[6], world.book.domain(), forged[1].message);
        self.transfer("signed by another member", &forged, 10, "Signature");
        let mut high = good.to_vec();
        high[0].signature = high_s(&high[0].signature);
        self.transfer("high s", &high, 10, "Signature");
        let mut parity = good.to_vec();
        parity[0].signature.y_parity ^= true;
        self.transfer("other parity", &parity, 10, "Signature");
        self.transfer("three sign for five", good, 10, "ok");
        self.transfer("the same again", good, 10, "AlreadyMade");
        self.transfer("another under the same id", &world.signed(&base(1, 39)), 10, "AlreadyMade");
        self.transfer("up to the window's cap", &world.signed(&base(2, 40)), 99, "ok");
        self.transfer("at the cap", &world.signed(&base(3, 40)), 99, "ok");
        self.transfer("above the cap", &world.signed(&base(4, 1)), 99, "AboveWindowCap");
        self.transfer(
            "the next window still counts",
            &world.signed(&base(4, 1)),
            199,
            "AboveWindowCap",
        );
        self.transfer("the one after does not", &world.signed(&base(4, 50)), 200, "ok");
        self.transfer("heights do not fall", &world.signed(&base(5, 1)), 199, "HeightFell");
    }

    fn endings(&mut self) {
        let world = self.world.clone();
        let with_three = |world: &World, id| {
            world.signed(&[
                world.op(0, &[3, 4], id, 1),
                world.op(1, &[], id, 1),
                world.op(2, &[], id, 1),
            ])
        };
        let by_another =
            Signed::new(&world.keys[5], world.book.domain(), world.revocation(3, 0, 2).message);
        self.revoke("by another", &by_another, "Signature");
        self.revoke("of a serial not above", &world.revocation(3, 0, 1), "StaleSerial");
        let before = with_three(&self.world, 6);
        self.revoke("three revokes", &world.revocation(3, 0, 2), "ok");
        self.transfer("with a revoked warrant", &before, 200, "NoWarrant");
        let last = Warrant { serial: 3, valid_from: 210, valid_until: 220, ..world.warrant(3, 0) };
        let last = world.sign_warrant(&last);
        self.register("three delegates for a while", &last, 200, "ok");
        self.transfer("signed under the old warrant", &before, 215, "WrongWarrants");
        let after = with_three(&self.world, 6);
        self.transfer("before its first height", &after, 209, "NotInForce");
        self.transfer("at its first height", &after, 210, "ok");
        let after = with_three(&self.world, 7);
        self.transfer("at its last height", &after, 220, "ok");
        let after = with_three(&self.world, 8);
        self.transfer("after its last height", &after, 221, "NotInForce");

        let ring = memberships(&self.world.keys, &terms(), EPOCH + 1);
        self.open_next(
            "proofs of the old epoch",
            &memberships(&self.world.keys, &terms(), EPOCH),
            230,
            "WrongEpoch",
        );
        let mut twice = ring.clone();
        twice[1] = twice[0];
        self.open_next("a member twice", &twice, 230, "DuplicateMember");
        let mut rogue = ring.clone();
        rogue[1] = Signed::new(&key(0), self.world.book.domain(), ring[1].message);
        self.open_next("a rogue key", &rogue, 230, "NotPossessed");
        self.open_next("the next epoch", &ring, 230, "ok");
        let old: Vec<_> = (0..5).map(|member| world.op(member, &[], 8, 1)).collect();
        self.transfer("of the old epoch", &world.signed(&old), 230, "WrongEpoch");
        let old = world.sign_warrant(&world.warrant(3, 0));
        self.register("a warrant of the old epoch", &old, 230, "WrongEpoch");
        let everybody: Vec<_> = (0..5).map(|member| self.world.op(member, &[], 1, 1)).collect();
        self.transfer("an id of the old epoch", &self.world.signed(&everybody), 230, "AlreadyMade");
        let everybody: Vec<_> = (0..5).map(|member| self.world.op(member, &[], 9, 1000)).collect();
        self.transfer("five sign for themselves", &self.world.signed(&everybody), 230, "ok");
    }
}

fn high_s(signature: &Signature) -> Signature {
    let order: U256 =
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap();
    let s = (order - U256::from_big_endian(&signature.s)).to_big_endian();
    Signature { s, y_parity: !signature.y_parity, ..*signature }
}

/// The name of an error's variant, or ok.
fn code<T, E: std::fmt::Debug>(result: Result<T, E>) -> String {
    let Err(error) = result else { return "ok".into() };
    let shown = format!("{error:?}");
    shown.split(|c: char| !c.is_alphanumeric()).next().unwrap().into()
}

fn told() -> Value {
    let world = World::of(7);
    let thresholds = world.book.thresholds();
    let ring = memberships(&world.keys, &terms(), EPOCH);
    let keys: Vec<_> =
        world.keys.iter().map(|key| format!("0x{}", hex::encode(key.expose_bytes()))).collect();
    let ring: Vec<_> = ring.iter().map(|member| membership_json(&world, member)).collect();
    let mut script = Script { world, steps: Vec::new() };
    script.warrants();
    script.transfers();
    script.endings();
    let domain = script.world.book.domain();
    json!({
        "about": ABOUT,
        "domain": {
            "name": domain.name, "version": domain.version,
            "chainId": domain.chain_id.unwrap().as_u64(),
            "verifyingContract": text(&domain.verifying_contract.unwrap()),
        },
        "domainSeparator": text(&domain.separator()),
        "typeHashes": {
            "Membership": text(&Membership::type_hash()), "Warrant": text(&Warrant::type_hash()),
            "Revocation": text(&Revocation::type_hash()), "ProxyOp": text(&ProxyOp::type_hash()),
        },
        "league": text(&terms().league), "window": terms().window, "epoch": EPOCH,
        "payoutKind": text(&payout()),
        "keys": keys, "ring": ring,
        "thresholds": { "principals": thresholds.principals, "proxies": thresholds.proxies },
        "steps": script.steps,
    })
}

fn address(json: &Value) -> Address {
    Address::from_hex(json.as_str().unwrap()).unwrap()
}

fn hash(json: &Value) -> H256 {
    json.as_str().unwrap().parse().unwrap()
}

fn number(json: &Value) -> U256 {
    let text = json.as_str().unwrap();
    text.strip_prefix("0x").map_or_else(
        || U256::from_dec_str(text).unwrap(),
        |digits| U256::from_str_radix(digits, 16).unwrap(),
    )
}

/// Checks the digests that the file gives, and reads the signature if it can be read.
fn signed<T: TypedStruct>(book: &WarrantBook, json: &Value, message: T) -> Option<Signed<T>> {
    assert_eq!(message.hash_struct(), hash(&json["structHash"]));
    assert_eq!(book.domain().digest(&message), hash(&json["digest"]));
    let bytes = hex::decode(&json["signature"].as_str().unwrap()[2..]).unwrap();
    let signature = Signature::from_rsv(&bytes.try_into().unwrap()).ok()?;
    Some(Signed { message, signature })
}

fn ring(json: &Value) -> Vec<Signed<Membership>> {
    let membership = |json: &Value| {
        let message = Membership {
            league: address(&json["league"]),
            epoch: json["epoch"].as_u64().unwrap(),
            member: address(&json["member"]),
        };
        let bytes = hex::decode(&json["signature"].as_str().unwrap()[2..]).unwrap();
        Signed { message, signature: Signature::from_rsv(&bytes.try_into().unwrap()).unwrap() }
    };
    json.as_array().unwrap().iter().map(membership).collect()
}

fn thresholds(json: &Value) -> Thresholds {
    let read = |name: &str| u16::try_from(json[name].as_u64().unwrap()).unwrap();
    Thresholds { principals: read("principals"), proxies: read("proxies") }
}

fn warrant(json: &Value) -> Warrant {
    Warrant {
        league: address(&json["league"]),
        delegator: address(&json["delegator"]),
        proxy: address(&json["proxy"]),
        epoch: json["epoch"].as_u64().unwrap(),
        valid_from: json["validFrom"].as_u64().unwrap(),
        valid_until: json["validUntil"].as_u64().unwrap(),
        scope: hash(&json["scope"]),
        per_tx_cap: number(&json["perTxCap"]),
        window_cap: number(&json["windowCap"]),
        serial: number(&json["serial"]).as_u64(),
    }
}

fn revocation(json: &Value) -> Revocation {
    Revocation {
        league: address(&json["league"]),
        delegator: address(&json["delegator"]),
        proxy: address(&json["proxy"]),
        epoch: json["epoch"].as_u64().unwrap(),
        serial: number(&json["serial"]).as_u64(),
    }
}

fn op(json: &Value) -> ProxyOp {
    ProxyOp {
        league: address(&json["league"]),
        epoch: json["epoch"].as_u64().unwrap(),
        proxy: address(&json["proxy"]),
        principals: number(&json["principals"]),
        warrant_root: hash(&json["warrantRoot"]),
        op_kind: hash(&json["opKind"]),
        transfer_id: hash(&json["transferId"]),
        league_tx_hash: hash(&json["leagueTxHash"]),
        league_block_hash: hash(&json["leagueBlockHash"]),
        to: address(&json["to"]),
        amount: number(&json["amount"]),
        deadline: json["deadline"].as_u64().unwrap(),
    }
}

fn play(book: &mut WarrantBook, step: &Value) -> String {
    let height = step["height"].as_u64().unwrap_or_default();
    let unread = || "Signature".to_owned();
    match step["do"].as_str().unwrap() {
        "register" => {
            let kinds = step["scope"].as_array().unwrap().iter().map(hash).collect();
            let scope = Scope::new(kinds).unwrap();
            let json = &step["warrant"];
            signed(book, json, warrant(json))
                .map_or_else(unread, |warrant| code(book.register(&warrant, &scope, height)))
        }
        "revoke" => {
            let json = &step["revocation"];
            signed(book, json, revocation(json))
                .map_or_else(unread, |revocation| code(book.revoke(&revocation)))
        }
        "transfer" => {
            let read = |json| signed(book, json, op(json));
            let ops: Option<Vec<_>> =
                step["operations"].as_array().unwrap().iter().map(read).collect();
            let Some(ops) = ops else { return unread() };
            let result = book.apply(&ops, height);
            if let Ok(authorisation) = &result {
                assert_eq!(authorisation.covered, number(&step["covered"]));
                for (signer, json) in
                    authorisation.signers.iter().zip(step["signers"].as_array().unwrap())
                {
                    assert_eq!(signer.proxy, address(&json["proxy"]));
                    let principals = json["principals"].as_array().unwrap().iter().map(address);
                    assert!(principals.eq(signer.principals.iter().copied()));
                }
            }
            code(result)
        }
        "open_next" => {
            code(book.open_next(&ring(&step["ring"]), thresholds(&step["thresholds"]), height))
        }
        other => panic!("unknown step {other}"),
    }
}

#[test]
fn vectors_are_judged_as_they_say() {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(FILE, format!("{:#}\n", told())).unwrap();
    }
    let file: Value = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    let terms = Terms {
        public_chain_id: file["domain"]["chainId"].as_u64().unwrap().into(),
        papc: address(&file["domain"]["verifyingContract"]),
        league: address(&file["league"]),
        window: file["window"].as_u64().unwrap(),
        transfers_max: 1000,
    };
    let epoch = file["epoch"].as_u64().unwrap();
    let members = ring(&file["ring"]);
    let mut book =
        WarrantBook::open(terms, epoch, &members, thresholds(&file["thresholds"])).unwrap();
    assert_eq!(book.domain().separator(), hash(&file["domainSeparator"]));
    for (member, json) in members.iter().zip(file["ring"].as_array().unwrap()) {
        assert!(signed(&book, json, member.message).is_some());
    }
    let types = &file["typeHashes"];
    assert_eq!(Membership::type_hash(), hash(&types["Membership"]));
    assert_eq!(Warrant::type_hash(), hash(&types["Warrant"]));
    assert_eq!(Revocation::type_hash(), hash(&types["Revocation"]));
    assert_eq!(ProxyOp::type_hash(), hash(&types["ProxyOp"]));
    let steps = file["steps"].as_array().unwrap();
    for step in steps {
        let before = book.clone();
        assert_eq!(play(&mut book, step), step["verdict"], "{}", step["name"]);
        if step["verdict"] != "ok" {
            assert!(book == before, "{}", step["name"]);
        }
    }
    assert!(steps.len() > 60, "{}", steps.len());
}

#[test]
fn the_file_is_what_this_program_would_write() {
    let file: Value = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    assert!(file == told(), "run with UPDATE=1 and look at what changed");
}

#[test]
fn keys_of_the_vectors_sign_what_the_file_says() {
    let file: Value = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    for (secret, json) in
        file["keys"].as_array().unwrap().iter().zip(file["ring"].as_array().unwrap())
    {
        let secret = hex::decode(&secret.as_str().unwrap()[2..]).unwrap();
        let key = SecretKey::from_bytes(secret.try_into().unwrap()).unwrap();
        assert_eq!(key.address(), address(&json["member"]));
        let signature = key.sign(hash(&json["digest"]));
        assert_eq!(rsv(&signature), json["signature"].as_str().unwrap());
        assert_eq!(
            signature.recover_address(hash(&json["digest"]), RecoveryPolicy::LowS),
            Ok(key.address())
        );
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Hold coin for depositors, by the rules a client library must be able to see.
/// @notice One of each thing that tools decode: storage, mappings, events, a revert reason and custom errors.
contract Vault {
    /// @notice Emitted when `owner` has put `amount` into the vault.
    event Deposited(address indexed owner, uint256 amount, string note);
    /// @notice Emitted when `owner` has taken `amount` out.
    event Withdrawn(address indexed owner, uint256 amount);

    /// @notice Thrown when more is asked for than the caller deposited.
    error InsufficientDeposit(address owner, uint256 asked, uint256 held);

    /// @notice The sum of all deposits. Storage slot 0, so that a proof can name it.
    uint256 public total;
    /// @notice What each owner has in the vault. Storage slot 1.
    mapping(address owner => uint256 amount) public deposits;
    /// @notice How much a spender may take from an owner. Storage slot 2.
    mapping(address owner => mapping(address spender => uint256 amount)) public allowances;

    /// @notice Puts the sent coin into the vault.
    function deposit(string calldata note) external payable {
        require(msg.value > 0, "nothing was sent");
        total += msg.value;
        deposits[msg.sender] += msg.value;
        emit Deposited(msg.sender, msg.value, note);
    }

    /// @notice Allows `spender` to take up to `amount`.
    function approve(address spender, uint256 amount) external {
        allowances[msg.sender][spender] = amount;
    }

    /// @notice Takes `amount` out of the caller's deposit.
    function withdraw(uint256 amount) external {
        uint256 held = deposits[msg.sender];
        if (amount > held) revert InsufficientDeposit(msg.sender, amount, held);
        deposits[msg.sender] = held - amount;
        total -= amount;
        emit Withdrawn(msg.sender, amount);
        (bool sent,) = msg.sender.call{value: amount}("");
        require(sent, "the owner refused the coin");
    }
}
